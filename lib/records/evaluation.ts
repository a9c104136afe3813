import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeJsonAtomically } from "../files/index.js";
import { parseWith, readJson } from "./parse.js";
import { versionSchema } from "./version.js";

const count = z.int().nonnegative();

const measuredSchema = z.object({
  name: z.string(),
  /** A fraction. */
  accuracy: z.number().min(0).max(1),
  /** Counts of images, confirmed ones and changed classes. Absent where all images are encoded exactly. */
  closeCalls: z.object({ images: count, confirmed: count, changed: count }).optional(),
  /** Notes of the method about the images. */
  notes: z.record(z.string(), z.unknown()).optional(),
});

const evaluationSchema = z.object({
  ...versionSchema,
  /** Run, model and data of the row. All of it must be the same for a run to go on from it. */
  identity: z.record(z.string(), z.unknown()),
  /** Spent until then, in all attempts. */
  seconds: z.number().nonnegative(),
  /** The first datasets of the row, in their order; hold-outs come last. */
  measured: z.array(measuredSchema.readonly()).readonly(),
});

/** Accuracy and counts of a dataset. */
export type Measured = Readonly<z.infer<typeof measuredSchema>>;
/** A row of the matrix as far as it is measured. */
export type EvaluationRecord = Readonly<z.infer<typeof evaluationSchema>>;

/** @param task −1 for the row before any training   @throws if the file is damaged */
export function readEvaluation(directory: string, task: number): EvaluationRecord | undefined {
  const path = pathOf(directory, task);
  return existsSync(path) ? parseWith(evaluationSchema, readJson(path), path) : undefined;
}

export function writeEvaluation(directory: string, task: number, record: EvaluationRecord): void {
  writeJsonAtomically(pathOf(directory, task), record);
}

/** Removes all rows in progress: they are in the matrix, or will be measured anew. */
export function removeEvaluations(directory: string): void {
  rmSync(folderOf(directory), { recursive: true, force: true });
}

function folderOf(directory: string): string {
  return join(directory, "evaluations");
}

function pathOf(directory: string, task: number): string {
  return join(folderOf(directory), task < 0 ? "zero-shot.json" : `task-${task}.json`);
}
