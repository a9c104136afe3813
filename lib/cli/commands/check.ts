import { statSync } from "node:fs";
import { Command } from "commander";
import type { ModelSettings } from "../../experiment/index.js";
import { jsonText } from "../../files/index.js";
import { type Device, type Precision, UsageError } from "../../options/index.js";
import { checkDevice } from "../input/device.js";
import { settingFlag } from "../input/flags.js";
import { addModelOptions } from "../input/model-options.js";
import { precisionOption } from "../input/precision.js";
import { abortOnInterrupt } from "../interrupt.js";
import { print } from "../output/print.js";
import { Progress } from "../output/progress.js";

interface CheckFlags extends Partial<ModelSettings> {
  against: string;
  config: string;
  device?: Device;
  precision?: Precision;
  report?: string;
  json?: boolean;
}

/** `codyra check`: whether an update of a model may ship. */
export function checkCommand(): Command {
  const command = new Command("check")
    .description(
      "Compare a new model with the old one before it ships; exit code 1 when a limit is broken, 2 when it cannot tell.",
    )
    .argument("<new>", "the new model: directory or file, owner/name of a downloaded one, or miniature")
    .requiredOption("--against <old>", "the model that is in use (required)")
    .requiredOption("--config <file>", "YAML file with the data to measure on, and the limits (required)");
  return addModelOptions(command, { named: false })
    .addOption(settingFlag("device"))
    .addOption(precisionOption())
    .option("--report <file>", "also write the result as a page for browsers")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
The configuration names data and limits; all parts may be left out but one. Measures without a limit are taken all the same.

  datasets:                  # as in the configuration of codyra run: accuracy, all classes compete (protocol: mtil for each alone)
    - name: shoes
      root: photos/shoes
  holdOuts: []               # what was never learned: zero-shot accuracy
  retrieval:
    pairs: captions.csv      # image,caption or open_clip's filepath,title; an image may have several lines;
                             # or WebDataset shards of .jpg and .txt: pairs-{000..012}.tar
  index:
    images: [photos]         # what is in the search index
    queries: queries.txt     # a query on each line
  limits:
    accuracyDrop: 1          # points on each dataset
    zeroShotDrop: 2          # points on each hold-out
    recallDrop: 2            # points of each recall@1, 5, 10
    neighboursKept: 0.9      # share of nearest neighbours that new queries find in the old index
    cosine: 0.9              # between old and new vectors of the index
    sizeRatio: 1.05
    timeRatio: 1.2

guard: in the configuration of codyra run names such a file, to measure the same after every task.

Examples:
  $ codyra check exports/may --against exports/april --config guard.yaml
  $ codyra check exports/may --against exports/april --config guard.yaml --report may.html
  $ codyra check exports/may --against exports/april --config guard.yaml --json > check.json`,
    )
    .action(async (name: string, flags: CheckFlags) => {
      const limits = await cannotTell(() => check(name, flags));
      if (limits === undefined) return;
      throw new Error(
        `Expected ${name} to keep the limits of ${flags.config}, but it breaks ${limits}. Do not ship it, or change the limits.`,
      );
    });
}

/** Gives errors the exit code of wrong usage: 1 is for broken limits alone, as in `diff` and `grep`. */
async function cannotTell<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    // These have an exit code and a wording of their own.
    if (["AbortError", "UsageError", "ZodError"].includes((error as Error).name)) throw error;
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/** @returns how many limits are broken, and which; nothing where none is */
async function check(name: string, flags: CheckFlags): Promise<string | undefined> {
  if (flags.report !== undefined && statSync(flags.report, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(
      `--report ${flags.report}: expected a file to write, got a folder. Name a file in it.`,
    );
  }
  const { device = "cpu", precision } = flags;
  await checkDevice(device);
  const { modelSettings, openGuardData, openModel, readGuard, resolveModel } = await import(
    "../../experiment/index.js"
  );
  const { findHead } = await import("../../protocol/index.js");
  const guard = readGuard(flags.config);
  const { compareModels } = await import("../../guard/index.js");
  const { checkOutput } = await import("../output/check-output.js");
  const progress = new Progress();
  const { signal } = abortOnInterrupt(() => progress.say("Stopping."));
  for (const model of [name, flags.against]) {
    if (findHead(resolveModel(model)) === undefined) continue;
    progress.say(`${model} has a head beside its weights: the weights alone are measured.`);
  }
  const data = await openGuardData(guard, { cache: true, progress, signal });
  const open = (model: string) => openModel(modelSettings({ ...flags, model }), device, precision);
  const [updated, base] = [open(name), open(flags.against)];
  const comparison = await compareModels(updated, base, data, {
    limits: guard.limits,
    protocol: guard.protocol,
    signal,
    onStep: (what) => progress.start(what),
  });
  progress.finish();
  for (const model of [updated, base]) model.dispose();
  print(flags.json ? jsonText({ new: name, old: flags.against, ...comparison }) : checkOutput(comparison));
  if (flags.report !== undefined) {
    const { writeCheckReport } = await import("../../report/index.js");
    const { against: old, config } = flags;
    writeCheckReport({ new: name, old, config, ...comparison }, flags.report);
    progress.say(`${flags.report} holds the same as a page.`);
  }
  if (!comparison.isBroken) return undefined;
  const { brokenLimits } = await import("../../records/index.js");
  const broken = comparison.measures.filter(({ isBroken }) => isBroken);
  return `${broken.length}: ${brokenLimits(comparison)}`;
}
