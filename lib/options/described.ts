import { z } from "zod";
import type { OptionSource } from "./source.js";
import { yaml } from "./yaml.js";

/** One option as people read it, from its schema. */
export interface DescribedOption {
  /** Its name, with the names of its groups: `ddas.unit`. */
  readonly name: string;
  /** The values it takes, such as `whole number > 0` or `paper | released`. */
  readonly type: string;
  /** The default of the schema; `undefined` where it has none, or another part of the program decides. */
  readonly default: unknown;
  readonly meaning: string;
  readonly source: OptionSource;
  /** The flag of a setting that has one. */
  readonly flag?: string;
}

/** The type of an option that has members. */
export const group = "map of options";

type Described = z.core.JSONSchema.JSONSchema & { readonly source?: OptionSource; readonly flag?: string };

/**
 * The options that an object schema declares, in its order. Groups of options come with their members after
 * them.
 * @throws if an option has no description
 */
export function describeOptions(schema: z.ZodType): DescribedOption[] {
  return membersOf(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Described, "");
}

function membersOf({ properties = {} }: Described, prefix: string): DescribedOption[] {
  return Object.entries(properties).flatMap(([key, value]) => {
    const option = value as Described;
    const name = prefix + key;
    if (option.description === undefined) {
      throw new Error(`Option ${name}: expected a description in its schema, got none. Add .describe(…).`);
    }
    const described: DescribedOption = {
      name,
      type: typeOf(option),
      default: option.default,
      meaning: option.description,
      source: option.source ?? "codyra",
      flag: option.flag,
    };
    const groups = [option, ...alternatives(option)].filter(({ properties }) => properties !== undefined);
    return [described, ...groups.flatMap((group) => membersOf(group, `${name}.`))];
  });
}

function alternatives({ anyOf = [] }: Described): Described[] {
  return anyOf as Described[];
}

function typeOf(option: Described): string {
  const choices = alternatives(option);
  if (choices.length > 0) return [...new Set(choices.map(typeOf))].join(" | ");
  if (option.enum !== undefined) return option.enum.map(String).join(" | ");
  if (option.const !== undefined) return String(option.const);
  switch (option.type) {
    case "integer":
      return `whole number${boundsOf(option)}`;
    case "number":
      return `number${boundsOf(option)}`;
    case "boolean":
      return "true | false";
    case "string":
      return "text";
    case "null":
      return "null";
    case "array":
      return option.prefixItems === undefined
        ? `list of ${typeOf(option.items as Described)}`
        : `[${(option.prefixItems as Described[]).map(typeOf).join(", ")}]`;
    case "object":
      return option.properties === undefined
        ? `map of name to ${typeOf(option.additionalProperties as Described)}`
        : group;
    default:
      throw new Error(`An option of type ${String(option.type)} has no name for people. Add one in typeOf.`);
  }
}

/** Bounds as text, such as ` > 0` or ` ≥ 0 and ≤ 1`. Those of safe integers do not count. */
function boundsOf({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: Described): string {
  const told = (sign: string, bound: unknown) =>
    typeof bound === "number" && Math.abs(bound) < Number.MAX_SAFE_INTEGER ? [`${sign} ${bound}`] : [];
  const bounds = [
    ...told("≥", minimum),
    ...told(">", exclusiveMinimum),
    ...told("≤", maximum),
    ...told("<", exclusiveMaximum),
  ];
  return bounds.length === 0 ? "" : ` ${bounds.join(" and ")}`;
}

/** A default as YAML has it; `none` where there is none. */
export function formatDefault(value: unknown): string {
  if (value === undefined) return "none";
  return yaml()
    .stringify(value, { collectionStyle: "flow", lineWidth: 0, flowCollectionPadding: false })
    .trim();
}
