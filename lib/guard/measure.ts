import { isRatio, type Measure } from "../records/index.js";

/** A measure with its verdict. Rounding of the last digit breaks no limit. */
export function measure(
  kind: Measure["kind"],
  name: string,
  { before, after, limit }: Pick<Measure, "before" | "after" | "limit">,
): Measure {
  const tolerance = 1e-9;
  const excess = isRatio(kind) ? after / before : before - after;
  const isBroken = limit !== undefined && !(excess <= limit + tolerance); // NaN breaks it too
  return { kind, name, before, after, ...(limit !== undefined && { limit }), isBroken };
}
