import { basename, join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import type { RunRecord } from "../protocol/index.js";
import { abortOnInterrupt, commandToResume } from "./interrupt.js";
import { addModelOptions, modelSettings } from "./model-options.js";
import { precisionOption, warnIfSlow } from "./precision.js";
import { Progress } from "./progress.js";

interface RunFlags {
  config: string;
  option: Record<string, unknown>;
  resume?: boolean;
  json?: boolean;
  tensorboard?: string;
  watch?: boolean;
  watchPort?: number;
  [setting: string]: unknown;
}

/** `codyra run`: one method over a stream of image folders. */
export function runCommand(): Command {
  const command = new Command("run")
    .description("Learn a stream of datasets one after another and measure what was gained and forgotten.")
    .requiredOption("-c, --config <file>", "YAML configuration; the options below override it")
    .option("--name <name>", "name of the run")
    .addOption(
      new Option("--protocol <protocol>", "candidate classes at test time: all, or the dataset's").choices([
        "x-tail",
        "mtil",
      ]),
    );
  return addModelOptions(command)
    .option("--method <name>", "name of the method, see below")
    .option(
      "-o, --option <key=value>",
      "option of the method, such as iterations=100 or ddas.unit=image; may be repeated",
      collectOption,
      {},
    )
    .option("--datasets <name...>", "datasets of the paper to learn, in order")
    .option("--hold-outs <name...>", "datasets of the paper to evaluate after every task, and never train on")
    .option("--shots <n>", "training images per class, or all", numberOfShots)
    .option("--seed <n>", "seed of sampling, initialisation and batches", wholeNumber)
    .option("--device <device>", "cpu, cuda, cuda:1, …")
    .addOption(precisionOption())
    .option(
      "--evaluation-batch-size <n>",
      "test images per pass; auto: as many as fit into memory",
      numberOrAuto,
    )
    .option("--data <dir>", "folder that holds the folders of the paper's datasets")
    .option("--no-cache", "do not keep decoded images on disk")
    .option("--output <dir>", "directory for the run's files (default: runs/<name>)")
    .option("--resume", "go on with an interrupted run")
    .option("--tensorboard <dir>", "also write what TensorBoard shows, into a folder of the run's name")
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
  datasets:                           # x-tail and mtil stand for all of a benchmark
    - dtd
    - { name: shop, root: photos, template: "a photo of a {}." }  # folders of images
    - { name: tools, manifest: tools.csv }                        # a list of images
    - { name: birds, parquet: birds/data }                        # as the Hugging Face hub has them
    - { name: food, webdataset: "food/train-{000..004}.tar", split: 0.9 }
  holdOuts: [cifar100]                # evaluated after every task, never trained on

Ctrl-C stops after the current iteration; --resume goes on from the last finished task.

Examples:
  $ codyra run --config shop.yaml
  $ codyra run --config shop.yaml --method lora --option rank=8 --output runs/shop-lora
  $ codyra run --config shop.yaml --resume`,
    )
    .action(runStream);
}

/** Such as `load 0.3 GB, training 1.2 GB (device 4.1 GB)`: the highest of each phase. */
function formatPeaks(peaks: RunRecord["memory"]): string {
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
  return Object.entries(peaks)
    .map(([phase, { peakResidentBytes, peakDeviceBytes }]) => {
      const device = peakDeviceBytes === undefined ? "" : ` (device ${gigabytes(peakDeviceBytes)})`;
      return `${phase} ${gigabytes(peakResidentBytes)}${device}`;
    })
    .join(", ");
}

/** Lists the methods in the help of `codyra run`; other commands need not load them. */
export async function listMethods(command: Command): Promise<void> {
  if (command.name() !== "run") return;
  const { methods } = await import("../methods/index.js");
  const width = Math.max(...methods.map(({ name }) => name.length));
  const lines = methods.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  command.addHelpText("after", `\nMethods:\n${lines.join("\n")}`);
}

async function runStream({
  config: path,
  option,
  resume = false,
  json = false,
  tensorboard,
  watch = false,
  watchPort = 0,
  ...settings
}: RunFlags): Promise<void> {
  if (settings.cache === true) delete settings.cache; // commander's default: the file decides
  const { readConfig } = await import("./config.js");
  const config = readConfig(path, { ...settings, options: option });
  const { openHoldOuts, openMethod, openModel, openTasks, runExperiment } = await import("./experiment.js");
  const { openReference } = await import("./reference.js");
  const { computeMetrics, RunDirectory } = await import("../protocol/index.js");
  const { metricTables, RunBoard, readRun, renderTerminal, terminalStyle, writeReport } = await import(
    "../report/index.js"
  );
  const name = config.name ?? `${config.method}-${config.protocol}-seed${config.seed}`;
  const directory = resolve(config.output ?? `runs/${name}`);
  const progress = new Progress();
  const interrupt = abortOnInterrupt(() => {
    progress.say(`Stopping after this iteration. To go on: ${commandToResume()}`);
  });
  const { RunWatch } = await import("./watch.js");
  const whenStopped = `The run stopped. To go on: ${commandToResume()}`;
  await using page = watch ? await RunWatch.listen(directory, { port: watchPort, whenStopped }) : undefined;
  if (page) progress.say(`Watch      ${page.url}`);

  const { options, protocol, seed, device, precision, evaluationBatchSize } = config;
  warnIfSlow(config, (line) => progress.say(line));
  const model = modelSettings(config);
  const method = openMethod(config.method, options, protocol);
  const reader = openModel(model, "cpu");
  const { signal } = interrupt;
  const tasks = await openTasks(config, reader, progress, signal);
  const holdOuts = await openHoldOuts(config, reader, progress, signal);
  const reference =
    config.reference &&
    (await openReference(config.reference, reader, { cache: config.cache, signal, progress }));
  reader.dispose();
  const recorded = {
    ...model,
    shots: config.shots,
    device,
    datasets: config.datasets,
    ...(holdOuts.length > 0 && { holdOuts: config.holdOuts }),
    ...(reference && { reference: config.reference }),
  };
  const { iterations = 1 } = method.options as { iterations?: number };
  const board =
    tensorboard === undefined ? undefined : new RunBoard(join(tensorboard, basename(directory)), iterations);
  const accuracy = await runExperiment(
    {
      name,
      protocol,
      method,
      model,
      device,
      precision,
      seed,
      directory,
      evaluationBatchSize,
      config: recorded,
      resume,
      reference,
      holdOuts,
      onEvent: (event) => {
        board?.log(event);
        page?.changed();
      },
      signal,
    },
    tasks,
    progress,
  );
  const saved = `${directory}/report.html`;
  writeReport([readRun(directory)], saved);
  page?.finish(`The run is finished. This page no longer changes; it is saved as ${saved}.`);
  const { memory } = new RunDirectory(directory).readRecord();
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ directory, ...accuracy, metrics: computeMetrics(accuracy), memory }, null, 2)}\n`,
    );
    return;
  }
  for (const table of metricTables([readRun(directory)])) {
    process.stdout.write(`\n${renderTerminal(table, terminalStyle(process.stdout))}`);
  }
  process.stdout.write(`\nMemory     ${formatPeaks(memory)}\n`);
  process.stdout.write(`Run files  ${directory}\nReport     ${saved}\n`);
}

function numberOrAuto(text: string): number | string {
  return text === "auto" ? text : wholeNumber(text);
}

function portNumber(text: string): number {
  const port = Number(text);
  if (text.trim() !== "" && Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new InvalidArgumentError("Expected a port from 0 to 65535.");
}

function numberOfShots(text: string): number | null {
  return text === "all" ? null : wholeNumber(text);
}

function wholeNumber(text: string): number {
  return Number(text); // the configuration's schema says what is wrong with it
}

/** `rank=8`, `targets=q,v`, `cropScale=0.8,1`, `ddas.unit=image`: numbers and booleans where they look like such, lists where there are commas. */
export function collectOption(text: string, before: Record<string, unknown>): Record<string, unknown> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Expected key=value, such as iterations=100.");
  const parts = text
    .slice(at + 1)
    .split(",")
    .map(parseValue);
  const path = text.slice(0, at).split(".");
  return withValue(before, path, parts.length > 1 ? parts : parts[0]);
}

function withValue(
  options: Record<string, unknown>,
  [key, ...rest]: string[],
  value: unknown,
): Record<string, unknown> {
  const group = (options[key as string] ?? {}) as Record<string, unknown>;
  return { ...options, [key as string]: rest.length === 0 ? value : withValue(group, rest, value) };
}

function parseValue(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}
