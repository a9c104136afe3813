import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeJsonAtomically } from "../files/index.js";
import { parseWith, readJson } from "./parse.js";
import { formatVersion, versionSchema } from "./version.js";

const shares = z.array(z.number()).readonly();

/** One number before and after an update. */
const measureSchema = z.object({
  kind: z.enum([
    "accuracy",
    "zero-shot",
    "image-to-text",
    "text-to-image",
    "neighbours",
    "cosine",
    "size",
    "time",
  ]),
  /** Name of the measured quantity, such as a dataset or `recall@5`. */
  name: z.string(),
  /**
   * Fractions; of size and time bytes and milliseconds. `before` is 1 for what is measured between the two
   * models.
   */
  before: z.number(),
  after: z.number(),
  /** How far `after` may fall below `before`, or for size and time how many times as large it may be. */
  limit: z.number().optional(),
  isBroken: z.boolean(),
});

const driftSchema = z.object({
  ks: shares,
  cosine: z.object({ index: z.number(), queries: z.number() }),
  rebuilt: shares,
  newOnOld: shares,
  oldOnNew: shares,
  mapped: z.object({ orthogonal: shares, leastSquares: shares }),
  fittedOn: z.int().nonnegative(),
});

const guardRecordSchema = z.object({
  ...versionSchema,
  dataset: z.string(),
  /** The model that was compared with; absent where it is the one before the stream. */
  against: z.string().optional(),
  measures: z.array(measureSchema.readonly()).readonly(),
  /** Drift of an existing index in the task; `IndexDrift` describes the fields. */
  drift: driftSchema.optional(),
  advice: z.string().optional(),
  isBroken: z.boolean(),
});

export type Measure = Readonly<z.infer<typeof measureSchema>>;

const ratios: ReadonlySet<Measure["kind"]> = new Set(["size", "time"]);

/** Whether more of it is worse, and limits are ratios. */
export const isRatio = (kind: Measure["kind"]): boolean => ratios.has(kind);

/** The guard's measurements after a task: `guard/task-0.json`, one file per task. */
export type GuardRecord = z.infer<typeof guardRecordSchema>;

/** @returns `undefined` where nothing was measured after the task @throws if the file is damaged */
export function readGuardRecord(directory: string, task: number): GuardRecord | undefined {
  const path = fileOf(directory, task);
  return existsSync(path) ? parseWith(guardRecordSchema, readJson(path), path) : undefined;
}

export function writeGuardRecord(directory: string, task: number, record: GuardRecord): void {
  writeJsonAtomically(fileOf(directory, task), { formatVersion, ...record });
}

/** The measures that broke their limits, as text: `accuracy flowers, cosine index vectors`. */
export function brokenLimits({ measures }: Pick<GuardRecord, "measures">): string {
  return measures
    .filter(({ isBroken }) => isBroken)
    .map(({ kind, name }) => `${kind} ${name}`)
    .join(", ");
}

function fileOf(directory: string, task: number): string {
  return join(directory, "guard", `task-${task}.json`);
}
