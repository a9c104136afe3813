import {
  type DescribedOption,
  formatDefault,
  type Given,
  group,
  isGroup,
  sourceNames,
} from "../options/index.js";
import type { MethodDefinition } from "./shared/definition.js";
import type { ProtocolName } from "./shared/types.js";

/** An option of a method as help and docs/options.md show it: everything as text. */
export interface OptionRow {
  readonly name: string;
  readonly type: string;
  readonly default: string;
  readonly meaning: string;
  readonly source: string;
}

/** The options of a method, with the defaults in force in both protocols and under each preset. */
export function optionRows(method: MethodDefinition): OptionRow[] {
  const { described } = method;
  const presets = described.find(({ name }) => name === "preset")?.type.split(" | ") ?? [];
  const inForce = (given: Given, protocol: ProtocolName) => method.resolve(given, protocol);
  const usual = inForce({}, "x-tail");
  const others: [where: string, options: Given][] = [
    ["with protocol mtil", inForce({}, "mtil")],
    ...presets.map((preset): [string, Given] => [`with preset ${preset}`, inForce({ preset }, "x-tail")]),
  ];
  return described.map((option) => {
    const { name, type, meaning, source } = option;
    if (type === group) return { name, type, default: "as below", meaning, source: sourceNames[source] };
    const value = formatDefault(inForceAt(option, usual));
    const different = others.flatMap(([where, options]) => {
      const other = formatDefault(inForceAt(option, options));
      return other === value || name === "preset" ? [] : [`${other} ${where}`];
    });
    return { name, type, default: [value, ...different].join("; "), meaning, source: sourceNames[source] };
  });
}

/** The value in force; for a group that is off, the default of its schema. */
function inForceAt(option: DescribedOption, options: Given): unknown {
  const found = option.name
    .split(".")
    .reduce<unknown>((group, key) => (isGroup(group) ? group[key] : undefined), options);
  return found ?? option.default;
}
