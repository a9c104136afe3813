import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeJsonAtomically } from "../files/index.js";
import { parseWith, readJson } from "./parse.js";

const drawSchema = z.object({
  /** Images per class. */
  shots: z.int().positive(),
  seed: z.int(),
  /** Names of the chosen images, class by class. */
  names: z.array(z.string()).readonly(),
  /** Classes with fewer images, and how many. */
  short: z.array(z.object({ className: z.string(), available: z.int().nonnegative() })).readonly(),
});

/** A digest of label and content, by the name of the image. */
const contentsSchema = z.record(z.string(), z.string());
const imagesSchema = z.object({ train: contentsSchema.optional(), test: contentsSchema.optional() });

/** Without a draw, all images were taken. `images` is absent where they have no names. */
const sampleSchema = drawSchema.partial().extend({ images: imagesSchema.optional() });
const samplesSchema = z.record(z.string(), sampleSchema);

/** The images of a dataset; a file of its own, because of the many names. */
export type SampleRecord = z.infer<typeof sampleSchema>;
export type Samples = Readonly<Record<string, SampleRecord>>;
export type ImageContents = z.infer<typeof imagesSchema>;

/**
 * The drawn training images and the fingerprints of images, by dataset; `undefined` without the file.
 * @throws if the file is damaged
 */
export function readSamples(directory: string): Samples | undefined {
  const path = join(directory, "samples.json");
  return existsSync(path) ? parseWith(samplesSchema, readJson(path), path) : undefined;
}

export function writeSamples(directory: string, samples: Samples): void {
  writeJsonAtomically(join(directory, "samples.json"), samples);
}
