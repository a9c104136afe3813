import { basename, join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import type { Config, ExperimentObserver } from "../../experiment/index.js";
import { type Device, type Given, settingsShape } from "../../options/index.js";
import { collectOption } from "../input/collect-option.js";
import { checkDevice } from "../input/device.js";
import { addSettings } from "../input/flags.js";
import { warnIfSlow } from "../input/precision.js";
import { commandToResume } from "../interrupt.js";
import type { Progress } from "../output/progress.js";
import { finishRun } from "../output/run-output.js";
import { withProcesses } from "../processes.js";

interface RunFlags {
  config: string;
  option: Given;
  resume?: boolean;
  resumeIfStarted?: boolean;
  json?: boolean;
  tensorboard?: string;
  watch?: boolean;
  watchPort?: number;
  device?: Device;
  [setting: string]: unknown;
}

/** `codyra run`: one method over a stream of image folders. */
export function runCommand(): Command {
  const command = new Command("run")
    .description("Learn a stream of datasets one after another and measure what was gained and forgotten.")
    .requiredOption("-c, --config <file>", "YAML configuration; the options below override it");
  return addSettings(command, settingsShape)
    .option(
      "-o, --option <key=value>",
      "option of the method, such as iterations=100, targets=[q,v] or ddas.unit=image; may be repeated",
      collectOption,
      {},
    )
    .option("--datasets <name...>", "datasets of the paper to learn, in order")
    .option("--hold-outs <name...>", "datasets of the paper to evaluate after every task, and never train on")
    .option("--resume", "go on with an interrupted run, or with datasets added at the end of the stream")
    .option("--resume-if-started", "as --resume, for launchers that start a run again after a failure")
    .option("--tensorboard <dir>", "also write TensorBoard's files, into a folder of the run's name")
    .option("--watch", "show the report in a browser while the run goes on, on this machine only")
    .addOption(
      new Option("--watch-port <n>", "port of --watch (default: any that is free)")
        .argParser(portNumber)
        .implies({ watch: true }),
    )
    .option("--json", "print the metrics as JSON")
    .addHelpText(
      "after",
      `
A configuration:
  name: shop
  model: path/to/clip-vit-base-patch16
  method: codyra
  shots: 16
  options: { iterations: 500, rank: 16 }
  data: datasets                      # where the paper's datasets are
  datasets:                           # x-tail, mtil and mtil-order-2 stand for a benchmark
    - dtd
    - { name: shop, root: photos, template: "a photo of a {}." }  # folders of images
    - { name: tools, manifest: tools.csv }                        # a list of images
    - { name: birds, parquet: birds/data }                        # as the Hugging Face hub has them
    - { name: food, webdataset: "food/train-{000..004}.tar", split: 0.9 }
  holdOuts: [cifar100]                # evaluated after every task, never trained on
  guard: guard.yaml                   # what every task may cost, as in codyra check --help; broken limits are marked

Ctrl-C stops after the current iteration; --resume goes on from there, and a run that was killed from the last minute. A value after -o is read as in YAML:
-o rank=8, -o targets=q,v, -o replayClasses=null, -o words="yes".

Examples:
  $ codyra run --config shop.yaml
  $ codyra run --config shop.yaml --method lora --option rank=8 --output runs/shop-lora
  $ codyra run --config shop.yaml --resume
  $ codyra launch --processes 2 run --config shop.yaml   # docs/clusters.md
  $ codyra run --help codyra            # the options of a method`,
    )
    .action(runStream);
}

async function runStream(flags: RunFlags): Promise<void> {
  await withProcesses(commandToResume, async (signal, progress) => {
    const config = await openConfig(flags);
    if (progress !== undefined) return await runAndShow(config, flags, progress, signal);
    const { run } = await import("../../experiment/index.js");
    await run(config, { resume: isResumed(flags), signal });
  });
}

/** The configuration file with what the command line says. */
async function openConfig({
  config: path,
  option,
  resume: _resume,
  resumeIfStarted: _resumeIfStarted,
  json: _json,
  tensorboard: _tensorboard,
  watch: _watch,
  watchPort: _watchPort,
  ...settings
}: RunFlags): Promise<Config> {
  if (settings.cache === true) delete settings.cache; // commander's default: the file decides
  if (settings.device !== undefined) await checkDevice(settings.device); // before the rest is loaded
  const { readConfig } = await import("../../experiment/index.js");
  const config = readConfig(path, { ...settings, options: option });
  await checkDevice(config.device);
  return config;
}

function isResumed({ resume = false, resumeIfStarted = false }: RunFlags): boolean {
  return resume || resumeIfStarted;
}

async function runAndShow(
  config: Config,
  flags: RunFlags,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const { json = false, tensorboard, watch = false, watchPort = 0 } = flags;
  const { run, runDirectory } = await import("../../experiment/index.js");
  const { methods } = await import("../../methods/index.js");
  const { RunBoard } = await import("../../report/index.js");
  const directory = runDirectory(config);
  const { RunWatch } = await import("../watch.js");
  const whenStopped = `The run stopped. To go on: ${commandToResume()}`;
  await using page = watch ? await RunWatch.listen(directory, { port: watchPort, whenStopped }) : undefined;
  if (page) progress.say(`Watch      ${page.url}`);
  const precision = config.evaluationPrecision === "bf16" ? "bf16" : config.precision;
  warnIfSlow({ ...config, precision }, (line) => progress.say(line));

  /** Made at the first event, when the method's options are known to fit. */
  const openBoard = (folder: string) => {
    const method = methods.find(({ name }) => name === config.method);
    const { iterations } = method?.resolve(config.options, config.protocol) ?? {};
    return new RunBoard(join(folder, basename(directory)), typeof iterations === "number" ? iterations : 1);
  };
  let board: InstanceType<typeof RunBoard> | undefined;
  const observer: ExperimentObserver = {
    start: (label) => progress.start(label),
    update: (done, total, note) => progress.update(done, total, note),
    finish: (result) => progress.finish(result),
    say: (line) => progress.say(line),
    logged(event) {
      if (tensorboard !== undefined) board ??= openBoard(tensorboard);
      board?.log(event);
      page?.changed();
    },
  };
  const { accuracy } = await run(config, { resume: isResumed(flags), observer, signal });
  const saved = await finishRun(directory, accuracy, json);
  page?.finish(`The run is finished. This page no longer changes; it is saved as ${saved}.`);
}

function portNumber(text: string): number {
  const port = Number(text);
  if (text.trim() !== "" && Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new InvalidArgumentError("Expected a port from 0 to 65535.");
}
