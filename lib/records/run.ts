import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeJsonAtomically } from "../files/index.js";
import { protocolSchema, withCurrentNames } from "../options/index.js";
import { parseWith, readJson } from "./parse.js";

const count = z.int().nonnegative();

/** A dataset that is tested on; `fingerprint` of a hold-out is that of its test images. */
const testedSchema = z.object({
  name: z.string(),
  classes: z.array(z.string()),
  template: z.string(),
  /** All of them, where there are several; absent in runs of earlier versions. */
  templates: z.array(z.string()).optional(),
  testImages: count,
  fingerprint: z.string(),
});

/** How many images and texts belong to no task, and their SHA-256. */
const referenceSchema = z.object({ name: z.string(), images: count, texts: count, fingerprint: z.string() });

/** The classes whose statistics came with the model, dataset by dataset, and their SHA-256. */
const inheritedSchema = z.object({
  datasets: z.array(z.object({ name: z.string(), classes: count })),
  fingerprint: z.string(),
});

const peakSchema = z.object({
  /** Memory of the whole process. */
  peakResidentBytes: count,
  /** Memory of tensors on the device, if that has memory of its own. */
  peakDeviceBytes: count.optional(),
});

/** The phases of a run; `load` is everything before them. */
const phaseSchema = z.enum(["load", "zero-shot", "training", "evaluation"]);

/** Cells of a row: `after` is the dataset that was learned last, null for the row before any training. */
const emptyCellsSchema = z.object({
  after: z.string().nullable(),
  datasets: z.array(z.string()),
  reason: z.string(),
});

const runSchema = z.object({
  formatVersion: z.literal(1),
  name: z.string(),
  method: z.string(),
  /** The method's name in tables and figures; absent in runs of earlier versions. */
  methodLabel: z.string().optional(),
  protocol: protocolSchema,
  seed: z.int(),
  config: z.record(z.string(), z.unknown()).transform(withCurrentNames),
  versions: z.object({ codyra: z.string(), libtorch: z.string(), node: z.string() }),
  gitRevision: z.string().nullable(),
  datasets: z.array(testedSchema.extend({ trainImages: count })),
  holdOuts: z.array(testedSchema).optional(),
  reference: referenceSchema.optional(),
  /** Statistics that the run goes on from; null where it has none, absent in runs of earlier versions. */
  inherited: inheritedSchema.nullish(),
  /** Fingerprint of the model that the run started from; absent in runs of earlier versions. */
  modelFingerprint: z.string().optional(),
  /** Which accuracies of the matrix are not known, and why; absent where all are. */
  emptyCells: z.array(emptyCellsSchema).optional(),
  startedAt: z.string(),
  finishedAt: z.string().nullable(),
  durationSeconds: z.number().nonnegative(),
  peakResidentBytes: count,
  memory: z.partialRecord(phaseSchema, peakSchema).optional(), // absent in runs of the first versions
  trainableParameters: count,
  totalParameters: count,
});

/** A run with its configuration, data and versions: everything needed to repeat it. `run.json`. */
export type RunRecord = z.infer<typeof runSchema>;
export type HoldOutRecord = z.infer<typeof testedSchema>;
export type InheritedRecord = z.infer<typeof inheritedSchema>;
export type ReferenceRecord = z.infer<typeof referenceSchema>;
export type EmptyCells = z.infer<typeof emptyCellsSchema>;
export type PeakMemory = Readonly<z.infer<typeof peakSchema>>;
export type Phase = z.infer<typeof phaseSchema>;

/** Whether a directory holds a run. */
export function isRun(directory: string): boolean {
  return existsSync(join(directory, "run.json"));
}

/**
 * @throws if the directory holds no run, or its `run.json` is damaged, naming the field and what was expected
 */
export function readRunRecord(directory: string): RunRecord {
  if (!isRun(directory)) {
    throw new Error(
      `${directory}: expected a run directory, but it has no run.json. Give a folder made by codyra run.`,
    );
  }
  const path = join(directory, "run.json");
  return parseWith(runSchema, readJson(path), path);
}

/** Fields are in the schema's order, so that a run that was resumed has the bytes of one that was not. */
export function writeRunRecord(directory: string, record: RunRecord): void {
  writeJsonAtomically(join(directory, "run.json"), runSchema.parse(record));
}
