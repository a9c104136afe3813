import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { withHome } from "../data/index.js";
import { methods } from "../methods/index.js";
import { decodeText, type Given, mergeOptions, parseOptions, settingsShape } from "../options/index.js";
import { entrySchema, type Reading, resolveEntry, streamSchema } from "./dataset-config.js";
import { guardSchema, readGuard, resolveGuard } from "./guard-config.js";
import { locateModel } from "./models.js";
import { referenceSchema, resolveReference } from "./reference.js";
import { faultsOf } from "./union-faults.js";

const optionsSchema = z.record(z.string(), z.unknown());

/** The configuration file of `codyra run`; flags have the same names. */
export const configSchema = z.strictObject({
  ...settingsShape,
  options: optionsSchema.default({}).describe("options of the method"),
  methods: z
    .partialRecord(z.enum(methods.map(({ name }) => name)), optionsSchema)
    .default({})
    .describe("options by method, for one configuration of several; those under options go over them"),
  reference: referenceSchema
    .optional()
    .describe("broad images and texts that belong to no task, for methods that distil on them"),
  datasets: streamSchema.describe("the stream, in order: x-tail, mtil, mtil-order-2 or a list"),
  holdOuts: z
    .array(entrySchema)
    .default([])
    .describe("datasets that are evaluated after every task, and never trained on"),
  guard: z
    .union([z.string().min(1), guardSchema], { error: explainGuard })
    .optional()
    .describe("limits of an update, measured after every task: a file of codyra check, or its content"),
});

/** Says what is wrong with the mapping: any text would be a file. */
function explainGuard(issue: z.core.$ZodRawIssue): string {
  return faultsOf(issue, 1);
}

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
  const config = parseOptions(
    configSchema,
    { ...resolvePaths(given, folder), ...resolvePaths(rest, process.cwd()) },
    misplacedOption,
  );
  const { data, splitSource, promptSet, drawSplit, reference, guard } = config;
  const reading = { folder, data, splitSource, promptSet, drawSplit };
  return {
    ...config,
    options: [config.options, options as Given].reduce(mergeOptions, config.methods[config.method] ?? {}),
    reference: reference && resolveReference(reference, reading),
    datasets: config.datasets.map((entry) => resolveEntry(entry, reading)),
    holdOuts: config.holdOuts.map((entry) => resolveEntry(entry, reading)),
    ...(guard !== undefined && { guard: locateGuard(guard, reading) }),
  };
}

/** The guard itself, also where a file has it. */
function locateGuard(guard: NonNullable<Config["guard"]>, reading: Reading & { folder: string }) {
  if (typeof guard !== "string") return resolveGuard(guard, reading);
  return readGuard(resolve(reading.folder, withHome(guard)), "guard:");
}

/** Options of methods stand under `options`. */
function misplacedOption(key: string, path: readonly PropertyKey[]): string | undefined {
  const isOption = methods.some(({ described }) => described.some(({ name }) => name === key));
  if (path.length > 0 || !isOption) return undefined;
  return `${JSON.stringify(key)} is an option of methods: put it under 'options'.`;
}

/** A message about an option that no method has: it may be a setting of the run. */
export function misplacedSetting(key: string, path: readonly PropertyKey[]): string | undefined {
  if (path.length > 0 || !Object.hasOwn(configSchema.shape, key)) return undefined;
  return `${JSON.stringify(key)} is a setting of the run: put it beside 'options' in the configuration.`;
}

function readYaml(path: string): Record<string, unknown> {
  if (!existsSync(path)) {
    throw new Error(`${path}: there is no such file. Give a YAML configuration, see codyra run --help.`);
  }
  const text = decodeText(readFileSync(path), path);
  let given: unknown;
  try {
    given = parse(text, { merge: true });
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
