import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { z } from "zod";
import type { DualEncoder } from "../clip/index.js";
import {
  type CheckImagesOptions,
  checkSource,
  type Dataset,
  type DatasetCheck,
  type Example,
  FileExample,
  findImages,
  ImageSet,
  loadImages,
  withHome,
} from "../data/index.js";
import type { ReferenceData } from "../methods/index.js";
import { decodeText } from "../options/index.js";
import { openImageCache } from "./cache-directory.js";
import { entrySchema, nameOf, openEntry, type Reading, resolveEntry } from "./dataset-config.js";
import type { WorkObserver } from "./observer.js";
import { faultsOf } from "./union-faults.js";

/** Broad images and texts that belong to no task, for methods that distil on them. */
export const referenceSchema = z.strictObject({
  images: z
    .union([z.string().min(1), entrySchema], { error: explain })
    .describe("a folder of images, or a dataset, whose training images are taken without their labels"),
  texts: z.string().min(1).describe("text file with one caption per line"),
});

/** The fault of the dataset: any text would be a folder. */
function explain(issue: z.core.$ZodRawIssue): string {
  return faultsOf(issue, 1);
}

export type ReferenceConfig = z.infer<typeof referenceSchema>;

/** The reference data with their paths absolute, and the settings that are made for all datasets. */
export function resolveReference(
  { images, texts }: ReferenceConfig,
  reading: Reading & { readonly folder: string },
): ReferenceConfig {
  const absolute = (path: string) => resolve(reading.folder, withHome(path));
  return {
    images: typeof images === "string" ? absolute(images) : resolveEntry(images, reading),
    texts: absolute(texts),
  };
}

/**
 * Reads reference texts and decodes reference images as models see them in tests.
 * @throws if there are none, or images cannot be read
 */
export async function openReference(
  { images, texts }: ReferenceConfig,
  { preprocessing }: DualEncoder,
  options: { readonly cache: boolean; readonly signal: AbortSignal; readonly progress: WorkObserver },
): Promise<ReferenceData> {
  const { cache, signal, progress } = options;
  const name = typeof images === "string" ? basename(images) : nameOf(images);
  progress.start(`loading reference ${name}`);
  const lines = readTexts(texts);
  const { train: examples, warnings = [] } = await openImages(images);
  const loaded = await loadImages(examples, preprocessing.transform, {
    cache: openImageCache(cache),
    name: `reference ${name}`,
    signal,
    onProgress: (done, total) => progress.update(done, total),
  });
  progress.finish(`${loaded.length} images and ${lines.length} texts`);
  for (const line of warnings) progress.say(`  ${name}: ${line}`);
  const { images: pixels, labels, fingerprint } = loaded;
  return { name, images: new ImageSet({ images: pixels, labels, fingerprint }), texts: lines }; // square by now
}

/** Whether a run could read the reference images and texts. */
export async function checkReference(
  { images, texts }: ReferenceConfig,
  options: CheckImagesOptions,
): Promise<DatasetCheck> {
  const name = `reference ${typeof images === "string" ? basename(images) : nameOf(images)}`;
  return checkSource(
    name,
    async () => {
      readTexts(texts);
      return { ...(await openImages(images)), name };
    },
    options,
  );
}

/** The images of an entry, or below a folder; nothing is tested on the latter, so each is its own test. */
async function openImages(images: ReferenceConfig["images"]): Promise<Dataset> {
  if (typeof images !== "string") return openEntry(images);
  const { examples, warnings } = await examplesBelow(images);
  const parts = { train: examples, validation: [], test: examples };
  return { name: basename(images), classes: [], templates: [], ...parts, split: "given", warnings };
}

async function examplesBelow(folder: string): Promise<{ examples: Example[]; warnings: readonly string[] }> {
  const { files, missing, warnings } = await findImages([folder]);
  for (const { reason } of missing) {
    throw new Error(
      `${folder}: expected a folder of reference images, but ${reason}. Correct the path under 'reference'.`,
    );
  }
  return { examples: files.map((file) => new FileExample(dirname(file), basename(file), 0)), warnings };
}

function readTexts(path: string): string[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `${path}: expected a file of reference texts, but it cannot be read (${code}). Correct the path under 'reference'.`,
    );
  }
  const texts = decodeText(bytes, path)
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (texts.length > 0) return texts;
  throw new Error(`${path}: expected reference texts, one per line, got none. Write some.`);
}
