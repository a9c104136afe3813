/** One number before and after an update. */
export interface Measure {
  readonly kind:
    | "accuracy"
    | "zero-shot"
    | "image-to-text"
    | "text-to-image"
    | "neighbours"
    | "cosine"
    | "size"
    | "time";
  /** What was measured, such as a dataset or `recall@5`. */
  readonly name: string;
  /**
   * Fractions; of size and time bytes and milliseconds. `before` is 1 for what is measured between the two
   * models.
   */
  readonly before: number;
  readonly after: number;
  /** How far `after` may fall below `before`, or for size and time how many times as large it may be. */
  readonly limit?: number;
  readonly isBroken: boolean;
}

const ratios: ReadonlySet<Measure["kind"]> = new Set(["size", "time"]);

/** Whether more of it is worse, and limits are ratios. */
export const isRatio = (kind: Measure["kind"]): boolean => ratios.has(kind);

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
