import { Command, InvalidArgumentError } from "commander";
import type { DecodeLimits } from "../../clip/index.js";
import {
  type Device,
  decodeLimitsShape,
  modelShape,
  type Precision,
  UsageError,
} from "../../options/index.js";
import { checkDevice } from "../input/device.js";
import { addSettings, settingFlag } from "../input/flags.js";
import { addBaseModelOptions, type BaseModelFlags } from "../input/model-options.js";
import { commandLine } from "../interrupt.js";
import { finishRun } from "../output/run-output.js";
import { withProcesses } from "../processes.js";

interface LearnFlags extends BaseModelFlags, DecodeLimits {
  run: string;
  dataset: string;
  root?: string;
  manifest?: string;
  images?: string;
  parquet?: string[];
  webdataset?: string[];
  imageColumn?: string;
  labelColumn?: string;
  splitColumn?: string;
  data?: string;
  template?: string[];
  classes?: string[];
  split?: number;
  device?: Device;
  precision?: Precision;
  saveEverySeconds?: number;
  json?: boolean;
}

const places = ["root", "manifest", "parquet", "webdataset", "data"] as const;

/** `codyra learn`: one more dataset for a run, without a configuration file. */
export function learnCommand(): Command {
  const command = new Command("learn")
    .description("Have a run learn one more dataset, after those that it has learned already.")
    .requiredOption("--run <dir>", "run directory")
    .requiredOption("--dataset <name>", "name of the dataset; with --data, one of the paper's")
    .option("--root <dir>", "folder with train/ and test/, or with the class folders")
    .option("--manifest <file>", "CSV, TSV, JSONL or JSON file with a record per image")
    .option("--images <dir>", "folder that image paths of the manifest are relative to")
    .option("--parquet <path...>", "Parquet files: a folder, files or patterns")
    .option("--webdataset <path...>", "tar shards: a folder, files or patterns such as train-{000..012}.tar")
    .option("--data <dir>", "folder that holds the folders of the paper's datasets")
    .option("--image-column <name>", "column of the images, of a manifest or Parquet files")
    .option("--label-column <name>", "column of the labels")
    .option("--split-column <name>", "column of the part, of a manifest")
    .option(
      "--template <text>",
      "prompt with {} for the class; may be repeated",
      (text: string, before: string[] = []) => [...before, text],
    )
    .option("--classes <label...>", "labels or class folders to use, in order (default: all)")
    .option("--split <part>", "part of each class to train on, if the data has no parts", fraction)
    .addOption(settingFlag("device"))
    .addOption(settingFlag("precision"))
    .addOption(settingFlag("saveEverySeconds"));
  return addSettings(addBaseModelOptions(command), decodeLimitsShape)
    .option("--json", "print the metrics as JSON")
    .addHelpText(
      "after",
      `
Method, options, shots and seed are those of the run. Earlier datasets are not trained again. The matrix gains a row for the new
dataset, and a column with the accuracy of the models so far on it. One more entry under 'datasets:' and codyra run --resume do the same; a run
can be resumed either way. Stopped at any moment, the same command goes on.

Examples:
  $ codyra learn --run runs/shop --dataset lamps --root photos/lamps
  $ codyra learn --run runs/shop --dataset tools --manifest tools.csv --template "a photo of a {}, a tool."
  $ codyra learn --run runs/shop --dataset birds --parquet birds/data
  $ codyra learn --run runs/shop --dataset signs --webdataset "signs-{000..004}.tar"
  $ codyra learn --run runs/shop --dataset dtd --data datasets
  $ codyra launch --processes 2 learn --run runs/shop --dataset lamps --root photos/lamps   # docs/clusters.md`,
    )
    .action(learnDataset);
}

async function learnDataset({ run, json = false, ...flags }: LearnFlags): Promise<void> {
  const dataset = describe(flags);
  if (flags.device !== undefined) await checkDevice(flags.device); // before the rest is loaded
  await withProcesses(commandLine, async (signal, progress) => {
    const { learn } = await import("../../experiment/index.js");
    const options = { observer: progress, signal };
    const { directory, accuracy } = await learn(run, dataset, settingsOf(flags), options);
    if (progress !== undefined) await finishRun(directory, accuracy, json);
  });
}

/**
 * The entry that a configuration would have under `datasets`.
 * @throws UsageError if its place is not clear
 */
function describe(flags: Omit<LearnFlags, "run">): Record<string, unknown> {
  const given = places.filter((place) => flags[place] !== undefined);
  if (given.length !== 1) {
    throw new UsageError(
      `Expected one of ${places.map((place) => `--${place}`).join(", ")} to say where the images are, got ` +
        `${given.map((place) => `--${place}`).join(" and ") || "none"}.`,
    );
  }
  const { dataset, root, manifest, images, parquet, webdataset, data, template, classes, split } = flags;
  const { imageColumn, labelColumn, splitColumn } = flags;
  if (data !== undefined) return { dataset, data };
  const entry = { root, manifest, images, parquet, webdataset, template, classes, split };
  const all = { name: dataset, ...entry, imageColumn, labelColumn, splitColumn };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Settings of the run that may be others than those it began with. */
function settingsOf(flags: Omit<LearnFlags, "run">): Record<string, unknown> {
  const names = [
    ...Object.keys(modelShape),
    ...Object.keys(decodeLimitsShape),
    "device",
    "precision",
    "saveEverySeconds",
  ] as (keyof typeof flags)[];
  return Object.fromEntries(
    names.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])),
  );
}

function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value < 1) return value;
  throw new InvalidArgumentError("Expected a number between 0 and 1, such as 0.8.");
}
