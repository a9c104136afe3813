import type { z } from "zod";
import { nearestName } from "./nearest-name.js";

/** Advice about a key beside the nearest one; `undefined` for none. */
export type Hint = (key: string, path: readonly PropertyKey[]) => string | undefined;

/**
 * Parses with a schema whose complaints about unknown keys say what was probably meant.
 * @throws ZodError if the value does not fit
 */
export function parseOptions<S extends z.ZodType>(
  schema: S,
  value: unknown,
  hint: Hint = () => undefined,
): z.output<S> {
  return schema.parse(value, {
    error: (issue) => (issue.code === "unrecognized_keys" ? describeUnknown(issue, hint) : undefined),
  });
}

function describeUnknown(issue: z.core.$ZodRawIssue<z.core.$ZodIssueUnrecognizedKeys>, hint: Hint): string {
  const { keys, path = [], inst } = issue;
  const { shape = {} } = (inst?._zod.def ?? {}) as Partial<z.core.$ZodObjectDef>;
  const known = Object.keys(shape);
  const listed = keys.map((key) => JSON.stringify(key)).join(", ");
  const hints = keys.map((key) => hint(key, path) ?? describeNearest(key, known));
  return [`Unrecognized key${keys.length > 1 ? "s" : ""}: ${listed}.`, ...new Set(hints)].join(" ").trim();
}

function describeNearest(key: string, known: readonly string[]): string {
  if (known.length === 0) return "There are no options here.";
  return `Did you mean ${JSON.stringify(nearestName(key, known))}?`;
}
