import { yaml } from "./yaml.js";

/** A map of values by name, as they were given. */
export type Given = Readonly<Record<string, unknown>>;

/**
 * Takes `key=value` up into given options. The value is read as YAML reads it; a list may also go without
 * brackets. A key with dots names a member of a group: `ddas.unit=image`.
 * @throws if there is no key, or the value is not YAML
 */
export function withAssignment(before: Given, text: string): Given {
  const at = text.indexOf("=");
  if (at < 1) throw new Error("Expected key=value, such as iterations=100.");
  return withValue(before, text.slice(0, at).trim().split("."), parseValue(text.slice(at + 1)));
}

function withValue(options: Given, [key = "", ...rest]: string[], value: unknown): Given {
  if (rest.length === 0) return { ...options, [key]: value };
  const group = options[key];
  return { ...options, [key]: withValue(isGroup(group) ? group : {}, rest, value) };
}

/** Options with others over them; groups of options, such as `ddas`, are merged in turn. */
export function mergeOptions(options: Given, others: Given = {}): Given {
  const merged = Object.entries(others).map(([key, value]) => {
    const before = options[key];
    return [key, isGroup(before) && isGroup(value) ? mergeOptions(before, value) : value] as const;
  });
  return { ...options, ...Object.fromEntries(merged) };
}

export function isGroup(value: unknown): value is Given {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `q,v` and `0.8,1` are lists, as `[q, v]` is; quotes and brackets keep a comma. */
function parseValue(text: string): unknown {
  const value = parseYaml(text);
  const isPlain = typeof value === "string" && value === text.trim();
  return isPlain && value.includes(",") ? value.split(",").map(parseYaml) : value;
}

function parseYaml(text: string): unknown {
  try {
    return yaml().parse(text, { logLevel: "error" });
  } catch (cause) {
    const [reason] = (cause as Error).message.split("\n");
    throw new Error(
      `Expected a value that YAML reads, such as 8, q,v, [0.8, 1], null or "text", got ${text}: ${reason}. ` +
        "Put quotes around text with signs of YAML.",
      { cause },
    );
  }
}
