import type { Given } from "./value.js";

/** Values of options that earlier versions called otherwise, by option. */
const renamed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  preset: { "reference-code": "released" },
  loss: { reference: "released" },
};

/** Options with values under their names of today. Files of earlier versions have the names of then. */
export function withCurrentNames(given: Given): Given {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, currentName(name, value)]));
}

function currentName(option: string, value: unknown): unknown {
  const names = Object.hasOwn(renamed, option) ? renamed[option] : undefined;
  return typeof value === "string" && names && Object.hasOwn(names, value) ? names[value] : value;
}

/**
 * Options under the names of today.
 * @param names today's names by those of earlier versions
 */
export function withRenamed(given: Given, names: Readonly<Record<string, string>>): Given {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      Object.hasOwn(names, name) ? (names[name] as string) : name,
      value,
    ]),
  );
}
