import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { withHome } from "../data/index.js";
import { UsageError } from "../options/index.js";
import { openRunDirectory } from "../protocol/index.js";
import type { RunRecord } from "../records/index.js";
import { distributed } from "../torch/index.js";
import { type Config, configSchema } from "./config.js";
import { entrySchema, nameOf, resolveEntry } from "./dataset-config.js";
import { locateModel } from "./models.js";
import { type ExperimentResult, type RunConfigOptions, run } from "./run.js";

/** A dataset as a configuration describes it, not checked yet. */
export type GivenDataset = Readonly<Record<string, unknown>> | string;

type Entry = Config["datasets"][number];

/**
 * The configuration that a run records, to go on with it where there is no file: its data where it was read
 * last.
 * @throws if the directory holds no run, or one that was not made from a configuration
 */
export function configOfRun(path: string): Config {
  const record = openRunDirectory(path).readRecord();
  if (record.config.datasets === undefined) {
    throw new Error(
      `${path}: expected a run of codyra run, which records where its datasets are. Go on with this one in the program that made it.`,
    );
  }
  return configSchema.parse({ ...recordedSettings(record), output: resolve(path) });
}

function recordedSettings({ name, method, protocol, seed, config }: RunRecord): Record<string, unknown> {
  const known = Object.entries(config).filter(([key]) => Object.hasOwn(configSchema.shape, key));
  return { ...Object.fromEntries(known), name, method, protocol, seed };
}

/**
 * A dataset with its paths absolute.
 * @param folder that they are relative to
 * @throws ZodError if it is not described as in a configuration
 */
function datasetEntry(given: GivenDataset, folder = process.cwd()): Entry {
  return resolveEntry(z.object({ dataset: entrySchema }).parse({ dataset: given }).dataset, { folder });
}

/**
 * A stream with one more dataset at its end; the same stream where it ends in this one already.
 * @throws UsageError if another place of the stream, or a hold-out, has its name
 */
function withDataset(config: Config, entry: Entry): Config {
  const name = nameOf(entry);
  const position = config.datasets.findIndex((each) => nameOf(each) === name);
  if (position >= 0 && position === config.datasets.length - 1) {
    return { ...config, datasets: [...config.datasets.slice(0, -1), entry] }; // perhaps moved: images decide
  }
  if (position >= 0 || config.holdOuts.some((each) => nameOf(each) === name)) {
    throw new UsageError(
      `${name}: expected a dataset that the run does not have yet, but it is ` +
        `${position >= 0 ? `number ${position + 1} of its stream` : "a hold-out of it"}. Choose another name.`,
    );
  }
  return { ...config, datasets: [...config.datasets, entry] };
}

function here(model: string): string {
  return locateModel(withHome(model), process.cwd());
}

/**
 * Has a run learn one more dataset after those that it knows. A run that was interrupted first does what is
 * left of them; asked again, it goes on where it stopped.
 * @param settings that may differ from those of the run, such as where its model or the device is
 * @throws if there is no run, or its data is not where it was
 */
export async function learn(
  path: string,
  dataset: GivenDataset,
  settings: Partial<Config> = {},
  options: Omit<RunConfigOptions, "resume"> = {},
): Promise<ExperimentResult> {
  if (distributed.rank() === 0 && !existsSync(path))
    throw new Error(`${path}: there is no such folder. Give a folder made by codyra run.`);
  const given = settings.model === undefined ? settings : { ...settings, model: here(settings.model) };
  const config = withDataset({ ...configOfRun(path), ...given }, datasetEntry(dataset));
  return run(config, { ...options, resume: true });
}
