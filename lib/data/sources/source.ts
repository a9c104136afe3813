import { isAbsolute, join } from "node:path";
import { escapePath, isDynamicPattern } from "tinyglobby";
import { z } from "zod";
import type { Dataset } from "../types.js";
import type { CollectionOptions, Parts } from "./collection.js";
import { openFolder } from "./folders.js";
import { withHome } from "./home.js";
import { openManifest } from "./manifest.js";
import { openParquet } from "./parquet.js";
import type { Patterns } from "./shards.js";
import { openWebDataset } from "./webdataset.js";

const text = z.string().min(1);
const patterns = z.union([text, z.array(text).nonempty()]);
/** An integer may be a label, and YAML reads a digit as one. */
const label = z.union([text, z.int().transform(String)]);

function perPart<T extends z.ZodType>(schema: T, what: string) {
  const parts = z.strictObject({ train: schema, validation: schema.optional(), test: schema });
  return z.union([schema, parts], {
    error: `expected ${what}, or a map with these for train, validation and test`,
  });
}

const common = {
  name: text.describe("name of the dataset in tables"),
  template: z
    .union([z.string(), z.array(z.string()).nonempty()])
    .optional()
    .describe("prompts with {} for the class name"),
  classes: z
    .union([z.array(label).nonempty(), z.record(z.string(), z.string())], {
      error: "expected a list of labels, or a map from label to class name",
    })
    .optional()
    .describe("labels or class folders to use, in order; or a map from them to class names"),
  split: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe("part of each class to train on, if the data has no parts (default: 0.8)"),
  seed: z.int().nonnegative().optional().describe("seed of that split (default: 0)"),
};

const columns = {
  imageColumn: text.optional().describe("column of the images (default: image, img or alike)"),
  labelColumn: text.optional().describe("column of the labels (default: label, class or alike)"),
};

const folderSchema = z.strictObject({
  root: text.describe("folder with train/, test/ and perhaps val/, or with the class folders"),
  trainFolder: text.optional().describe("name of the training folder (default: train, training or alike)"),
  validationFolder: text.optional().describe("name of the validation folder (default: val, valid or alike)"),
  testFolder: text
    .optional()
    .describe("name of the test folder (default: test, testing or alike; else the validation folder)"),
  ...common,
});

const manifestSchema = z.strictObject({
  manifest: perPart(text, "a path").describe(
    "CSV, TSV, JSONL or JSON file with a record per image; or one for each part",
  ),
  images: text.optional().describe("folder that image paths are relative to (default: that of the manifest)"),
  ...columns,
  imageColumn: text.optional().describe("column of the image paths (default: image, path or file_name)"),
  splitColumn: text
    .optional()
    .describe("column of the part: train, validation, test (default: split, if there is one)"),
  ...common,
});

const parquetSchema = z.strictObject({
  parquet: perPart(patterns, "a path or a list of paths").describe(
    "Parquet files: a folder, files or patterns; or these for each part",
  ),
  ...columns,
  splitColumn: text
    .optional()
    .describe("column of the part: train, validation, test (default: split, if there is one)"),
  ...common,
});

const webDatasetSchema = z.strictObject({
  webdataset: perPart(patterns, "a path or a list of paths").describe(
    "tar shards: a folder, files or patterns such as train-{000..012}.tar; or these for each part",
  ),
  imageExtension: text.optional().describe("extension of the images in a sample, if there are several"),
  labelField: text
    .optional()
    .describe("field of the .json files with the label (default: the .cls files, or label)"),
  splitField: text
    .optional()
    .describe("field of the .json files with the part (default: split, if there is one)"),
  ...common,
});

const kinds = ["root", "manifest", "parquet", "webdataset"] as const;

/**
 * Images of one's own, as a task file describes them. The key of their place tells the kind of storage.
 */
export const sourceSchema = z.union([folderSchema, manifestSchema, parquetSchema, webDatasetSchema], {
  error: (issue) => explain(issue.input, issue.errors as z.core.$ZodIssue[][]),
});

export type Source = z.infer<typeof sourceSchema>;

/** The fault of the kind that was meant, rather than of all of them. */
function explain(input: unknown, issues: readonly (readonly z.core.$ZodIssue[])[]): string {
  const given = kinds.filter(
    (kind) => typeof input === "object" && input !== null && Object.hasOwn(input, kind),
  );
  const meant = given.length === 1 ? issues[kinds.indexOf(given[0] as (typeof kinds)[number])] : undefined;
  if (meant === undefined) {
    return `expected one of ${kinds.join(", ")} to say where the images are, got ${given.join(" and ") || "none"}`;
  }
  return meant
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`))
    .join("; ");
}

/**
 * Describes the images of a source; none is read yet.
 * @throws if the images are not there or the classes do not fit
 */
export function openSource(source: Source): Promise<Dataset> {
  const { template, split, seed, ...rest } = source;
  const options = {
    ...rest,
    templates: template,
    split: { ...(split !== undefined && { trainFraction: split }), ...(seed !== undefined && { seed }) },
  } satisfies CollectionOptions;
  if ("manifest" in options) return openManifest(options);
  if ("parquet" in options) return openParquet(options);
  if ("webdataset" in options) return openWebDataset(options);
  return openFolder(options);
}

/**
 * The source with its paths absolute.
 * @param folder that they are relative to, such as that of the task file
 */
export function resolveSource(source: Source, folder: string): Source {
  const path = (given: string) => {
    const path = withHome(given);
    return isAbsolute(path) ? path : join(folder, path);
  };
  const pattern = (pattern: string) =>
    isDynamicPattern(pattern) && !pattern.startsWith("~") && !isAbsolute(pattern)
      ? `${escapePath(folder)}/${pattern}`
      : path(pattern);
  if ("manifest" in source) {
    const { manifest, images } = source;
    return {
      ...source,
      manifest: eachPart(manifest, path),
      ...(images !== undefined && { images: path(images) }),
    };
  }
  const all = (paths: Patterns) => [paths].flat().map(pattern) as [string, ...string[]];
  if ("parquet" in source) return { ...source, parquet: eachPart(source.parquet, all) };
  if ("webdataset" in source) return { ...source, webdataset: eachPart(source.webdataset, all) };
  return { ...source, root: path(source.root) };
}

function eachPart<T extends Patterns, U>(value: T | Parts<T>, change: (value: T) => U): U | Parts<U> {
  if (typeof value !== "object" || !("train" in value)) return change(value as T);
  const { train, validation, test } = value;
  return {
    train: change(train),
    ...(validation !== undefined && { validation: change(validation) }),
    test: change(test),
  };
}
