import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const datasetSchema = z.strictObject({
  name: z.string().min(1).describe("what the dataset is called in tables"),
  root: z.string().min(1).describe("folder with train/ and test/, or with the class folders"),
  template: z
    .union([z.string(), z.array(z.string()).nonempty()])
    .optional()
    .describe("prompts with {} for the class name"),
  classes: z
    .union([z.array(z.string()).nonempty(), z.record(z.string(), z.string())])
    .optional()
    .describe("class folders to use, or a map from folder to class name"),
});

/** The configuration file of `codyra run`; its options on the command line have the same names. */
export const configSchema = z.strictObject({
  name: z.string().min(1).optional().describe("name of the run"),
  protocol: z
    .enum(["x-tail", "mtil"])
    .default("x-tail")
    .describe("whether all classes compete at test time, or those of the dataset"),
  model: z.string().default("miniature").describe("Hugging Face CLIP directory, or miniature"),
  method: z.string().default("codyra").describe("zero-shot, finetune, lora or codyra"),
  options: z.record(z.string(), z.unknown()).default({}).describe("options of the method"),
  shots: z.int().positive().nullable().default(16).describe("training images per class; null takes all"),
  seed: z.int().nonnegative().default(8).describe("seed of sampling, initialisation and batches"),
  device: z.string().default("cpu").describe("cpu, cuda, cuda:1, …"),
  evaluationBatchSize: z.int().positive().default(100).describe("test images per pass"),
  output: z.string().optional().describe("directory for the run's files"),
  datasets: z.array(datasetSchema).nonempty().describe("the stream, in order"),
});

export type Config = z.infer<typeof configSchema>;

/**
 * Reads a configuration file. Paths in it are relative to the file.
 * @param overrides values given on the command line, whose paths are relative to the working directory
 * @throws if the file is missing or not YAML; ZodError if a value does not fit
 */
export function readConfig(path: string, overrides: Readonly<Record<string, unknown>> = {}): Config {
  if (!existsSync(path))
    throw new Error(`${path}: there is no such file. Give a YAML configuration, see codyra run --help.`);
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
  const { options, ...rest } = overrides;
  const fromFile = resolvePaths(given as Record<string, unknown>, dirname(resolve(path)));
  const merged = { ...fromFile, ...resolvePaths(rest, process.cwd()) };
  const ofFile = typeof fromFile.options === "object" ? fromFile.options : {};
  return configSchema.parse({ ...merged, options: { ...ofFile, ...(options as object | undefined) } });
}

function resolvePaths(values: Record<string, unknown>, base: string): Record<string, unknown> {
  const absolute = (path: unknown): unknown =>
    typeof path === "string" && !isAbsolute(path) ? join(base, path) : path;
  const resolved = { ...values };
  if (values.model !== undefined && values.model !== "miniature") resolved.model = absolute(values.model);
  if (values.output !== undefined) resolved.output = absolute(values.output);
  if (Array.isArray(values.datasets)) {
    resolved.datasets = values.datasets.map((dataset) =>
      typeof dataset === "object" && dataset !== null
        ? { ...dataset, root: absolute((dataset as { root?: unknown }).root) }
        : dataset,
    );
  }
  return resolved;
}
