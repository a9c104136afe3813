import { type Command, InvalidArgumentError, Option } from "commander";
import { z } from "zod";
import { settingsShape, yaml } from "../../options/index.js";

/**
 * Adds the flags of settings, with their meaning and default from the schema. A flag that is not given leaves
 * the setting to the configuration file, so none has a default of its own.
 */
export function addSettings(command: Command, shape: z.ZodRawShape): Command {
  for (const [name, schema] of Object.entries(shape) as [string, z.ZodType][]) {
    const flag = flagOf(name, schema);
    if (flag !== undefined) command.addOption(flag);
  }
  return command;
}

/** The flag of one setting of a run, for commands that have few of them. */
export function settingFlag(name: "device" | "precision" | "saveEverySeconds"): Option {
  return flagOf(name, settingsShape[name]) as Option;
}

function flagOf(name: string, schema: z.ZodType): Option | undefined {
  const described = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  const flag = described.flag as string | undefined;
  if (flag === undefined) return undefined;
  const isNegated = flag.startsWith("--no-");
  const standard =
    described.default === undefined || described.type === "boolean" ? "" : ` (default: ${described.default})`;
  const option = new Option(flag, `${isNegated ? "do not " : ""}${described.description}${standard}`);
  if (Array.isArray(described.enum)) return option.choices(described.enum.map(String));
  if (described.type === "boolean") return option;
  return option.argParser((text) => parseFlag(name, text, schema, described));
}

/** Text as it is where the setting is text; everything else as YAML reads it. */
function parseFlag(
  name: string,
  text: string,
  schema: z.ZodType,
  { type }: z.core.JSONSchema.BaseSchema,
): unknown {
  const value = type === "string" ? text : parseYaml(text);
  const result = schema.safeParse(value);
  if (result.success) return value;
  const [issue] = result.error.issues;
  throw new InvalidArgumentError(`${name}: ${issue?.message}.`);
}

function parseYaml(text: string): unknown {
  try {
    return yaml().parse(text, { logLevel: "error" });
  } catch {
    return text;
  }
}
