import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeJsonAtomically } from "./atomic-file.js";
import { parseWith, readJson } from "./parse.js";

const sampleSchema = z.object({
  /** Images per class. */
  shots: z.int().positive(),
  seed: z.int(),
  /** Names of the chosen images, class by class. */
  names: z.array(z.string()).readonly(),
  /** Classes with fewer images, and how many. */
  short: z.array(z.object({ className: z.string(), available: z.int().nonnegative() })).readonly(),
});
const samplesSchema = z.record(z.string(), sampleSchema);

/** A few-shot draw; a file of its own, because of the many names. */
export type SampleRecord = z.infer<typeof sampleSchema>;
export type Samples = Readonly<Record<string, SampleRecord>>;

/**
 * Which training images were drawn, by dataset; `undefined` where none were.
 * @throws if the file is damaged
 */
export function readSamples(directory: string): Samples | undefined {
  const path = join(directory, "samples.json");
  return existsSync(path) ? parseWith(samplesSchema, readJson(path), path) : undefined;
}

export function writeSamples(directory: string, samples: Samples): void {
  writeJsonAtomically(join(directory, "samples.json"), samples);
}
