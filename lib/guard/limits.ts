import { z } from "zod";

const drop = z.number().nonnegative();

/** Limits of what an update may cost. A measure without a limit is told and never broken. */
export const limitsSchema = z.strictObject({
  accuracyDrop: drop.optional().describe("points that the accuracy on each learned dataset may fall"),
  zeroShotDrop: drop.optional().describe("points that the accuracy on each hold-out may fall"),
  recallDrop: drop.optional().describe("points that each recall may fall"),
  neighboursKept: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe("least share of nearest neighbours that new queries find in the old index"),
  cosine: z
    .number()
    .min(-1)
    .max(1)
    .optional()
    .describe("least mean cosine between old and new vectors of the index"),
  sizeRatio: z.number().positive().optional().describe("most bytes of weights, relative to the old model"),
  timeRatio: z
    .number()
    .positive()
    .optional()
    .describe("most time of the image encoder, relative to the old model"),
});

export type Limits = z.infer<typeof limitsSchema>;

/** A section of a guard file, which measures limits. */
export type Section = "datasets" | "holdOuts" | "retrieval" | "index";

/** The data that a limit is measured on; size and time are those of the models alone. */
const sections: Readonly<Record<keyof Limits, Section | undefined>> = {
  accuracyDrop: "datasets",
  zeroShotDrop: "holdOuts",
  recallDrop: "retrieval",
  neighboursKept: "index",
  cosine: "index",
  sizeRatio: undefined,
  timeRatio: undefined,
};

/** Limits that nothing would be compared with, each with the section of a guard that it lacks. */
export function unmeasuredLimits(
  limits: Limits,
  has: Readonly<Record<Section, boolean>>,
): (readonly [limit: keyof Limits, section: Section])[] {
  return (Object.keys(sections) as (keyof Limits)[]).flatMap((limit) => {
    const section = sections[limit];
    if (limits[limit] === undefined || section === undefined || has[section]) return [];
    return [[limit, section] as const];
  });
}
