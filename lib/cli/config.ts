import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { readingShape, resolveEntry, streamSchema } from "./dataset-config.js";
import { locateModel } from "./models.js";

/** The configuration file of `codyra run`; its options on the command line have the same names. */
export const configSchema = z.strictObject({
  name: z.string().min(1).optional().describe("name of the run"),
  protocol: z
    .enum(["x-tail", "mtil"])
    .default("x-tail")
    .describe("whether all classes compete at test time, or those of the dataset"),
  model: z
    .string()
    .default("miniature")
    .describe("CLIP to start from: a directory or file, owner/name of a downloaded one, or miniature"),
  tokenizer: z
    .string()
    .optional()
    .describe("tokenizer.json or CLIP's vocabulary file, if the model comes without"),
  activation: z
    .enum(["quick_gelu", "gelu"])
    .optional()
    .describe("activation of a model file that does not tell"),
  allowPickle: z.boolean().default(false).describe("read model files that are pickles"),
  method: z.string().default("codyra").describe("zero-shot, finetune, lora or codyra"),
  options: z.record(z.string(), z.unknown()).default({}).describe("options of the method"),
  shots: z.int().positive().nullable().default(16).describe("training images per class; null takes all"),
  seed: z.int().nonnegative().default(8).describe("seed of sampling, initialisation and batches"),
  device: z.string().default("cpu").describe("cpu, cuda, cuda:1, …"),
  evaluationBatchSize: z.int().positive().default(100).describe("test images per pass"),
  cache: z.boolean().default(true).describe("keep decoded images on disk for the next run"),
  output: z.string().optional().describe("directory for the run's files"),
  ...readingShape,
  datasets: streamSchema.describe("the stream, in order: x-tail, mtil or a list"),
});

export type Config = z.infer<typeof configSchema>;

/**
 * Reads a configuration file. Paths in it are relative to the file.
 * @param overrides values given on the command line, whose paths are relative to the working directory
 * @throws if the file is missing or not YAML; ZodError if a value does not fit
 */
export function readConfig(path: string, overrides: Readonly<Record<string, unknown>> = {}): Config {
  const given = readYaml(path);
  const folder = dirname(resolve(path));
  const { options, ...rest } = overrides;
  const ofFile = typeof given.options === "object" ? given.options : {};
  const config = configSchema.parse({
    ...resolvePaths(given, folder),
    ...resolvePaths(rest, process.cwd()),
    options: { ...ofFile, ...(options as object | undefined) },
  });
  const { data, splitSource, promptSet, drawSplit } = config;
  return {
    ...config,
    datasets: config.datasets.map((entry) =>
      resolveEntry(entry, { folder, data, splitSource, promptSet, drawSplit }),
    ),
  };
}

function readYaml(path: string): Record<string, unknown> {
  if (!existsSync(path)) {
    throw new Error(`${path}: there is no such file. Give a YAML configuration, see codyra run --help.`);
  }
  let given: unknown;
  try {
    given = parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new Error(`${path}: expected YAML: ${(cause as Error).message}`, { cause });
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new Error(
      `${path}: expected a mapping with 'datasets', got ${given === null ? "nothing" : typeof given}.`,
    );
  }
  return given as Record<string, unknown>;
}

function resolvePaths(values: Readonly<Record<string, unknown>>, folder: string): Record<string, unknown> {
  const paths = ["tokenizer", "data", "output"].flatMap((key) => {
    const path = values[key];
    return typeof path === "string" ? [[key, resolve(folder, path)]] : [];
  });
  const { model } = values;
  if (typeof model === "string") paths.push(["model", locateModel(model, folder)]);
  return { ...values, ...Object.fromEntries(paths) };
}
