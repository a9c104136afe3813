import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { withHome } from "../data/index.js";
import { methods } from "../methods/index.js";
import { entrySchema, readingShape, resolveEntry, streamSchema } from "./dataset-config.js";
import { locateModel } from "./models.js";
import { referenceSchema, resolveReference } from "./reference.js";

const optionsSchema = z.record(z.string(), z.unknown());

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
  method: z.string().default("codyra").describe("name of the method; codyra run --help lists them"),
  options: optionsSchema.default({}).describe("options of the method"),
  methods: z
    .partialRecord(z.enum(methods.map(({ name }) => name)), optionsSchema)
    .default({})
    .describe("options by method, for one configuration of several; those under options go over them"),
  shots: z
    .union([z.int().positive(), z.null(), z.literal("all").transform(() => null)])
    .default(16)
    .describe("training images per class; all or null takes all"),
  seed: z.int().nonnegative().default(8).describe("seed of sampling, initialisation and batches"),
  device: z.string().default("cpu").describe("cpu, cuda, cuda:1, …"),
  precision: z
    .enum(["fp32", "bf16"])
    .optional()
    .describe("what the encoders compute in; default: bf16 on CUDA, else fp32"),
  evaluationBatchSize: z
    .union([z.int().positive(), z.literal("auto")])
    .default(100)
    .describe("test images per pass; auto takes as many as fit into memory"),
  cache: z.boolean().default(true).describe("keep decoded images on disk for the next run"),
  output: z.string().optional().describe("directory for the run's files"),
  ...readingShape,
  reference: referenceSchema
    .optional()
    .describe("broad images and texts that belong to no task, for methods that distil on them"),
  datasets: streamSchema.describe("the stream, in order: x-tail, mtil or a list"),
  holdOuts: z
    .array(entrySchema)
    .default([])
    .describe("datasets that are evaluated after every task, and never trained on"),
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
  const config = configSchema.parse({ ...resolvePaths(given, folder), ...resolvePaths(rest, process.cwd()) });
  const { data, splitSource, promptSet, drawSplit, reference } = config;
  const reading = { folder, data, splitSource, promptSet, drawSplit };
  return {
    ...config,
    options: [config.options, options].reduce(withOptions, config.methods[config.method] ?? {}),
    reference: reference && resolveReference(reference, reading),
    datasets: config.datasets.map((entry) => resolveEntry(entry, reading)),
    holdOuts: config.holdOuts.map((entry) => resolveEntry(entry, reading)),
  };
}

type Options = Readonly<Record<string, unknown>>;

/** Options with others over them; groups of options, such as `ddas`, are merged in turn. */
function withOptions(options: Options, others: unknown = {}): Options {
  const merged = Object.entries(others as Options).map(([key, value]) => {
    const before = options[key];
    return [key, isGroup(before) && isGroup(value) ? withOptions(before, value) : value] as const;
  });
  return { ...options, ...Object.fromEntries(merged) };
}

function isGroup(value: unknown): value is Options {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readYaml(path: string): Record<string, unknown> {
  if (!existsSync(path)) {
    throw new Error(`${path}: there is no such file. Give a YAML configuration, see codyra run --help.`);
  }
  let given: unknown;
  try {
    given = parse(readFileSync(path, "utf8"), { merge: true });
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
    return typeof path === "string" ? [[key, resolve(folder, withHome(path))]] : [];
  });
  const { model } = values;
  if (typeof model === "string") paths.push(["model", locateModel(withHome(model), folder)]);
  return { ...values, ...Object.fromEntries(paths) };
}
