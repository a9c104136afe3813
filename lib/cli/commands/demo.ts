import { join, relative, resolve } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import type { Task } from "../../data/index.js";
import type { MiniatureSettings } from "../../experiment/index.js";
import { jsonText } from "../../files/index.js";
import {
  type Given,
  mergeOptions,
  methodsInProtocol,
  protocolSchema,
  UsageError,
} from "../../options/index.js";
import { collectOption } from "../input/collect-option.js";
import { commandToResume } from "../interrupt.js";
import { print } from "../output/print.js";
import type { Progress } from "../output/progress.js";
import { terminalStyle } from "../output/terminal-style.js";
import { withProcesses } from "../processes.js";

interface DemoFlags {
  model?: string;
  seed?: string;
  protocol?: string;
  methods?: string[];
  domains?: string[];
  holdOuts?: string[];
  option: Given;
  output?: string;
  resume?: boolean;
  json?: boolean;
}

/** `codyra demo`: the miniature benchmark, methods side by side on the embedded CLIP. */
export function demoCommand(): Command {
  return new Command("demo")
    .description(
      "Compare methods on the embedded miniature CLIP and its drawn domains, in a few minutes and without downloads.",
    )
    .option("--model <model>", "CLIP to start from: miniature, miniature-v2, or as in codyra run")
    .option("--protocol <protocol>", "x-tail or mtil")
    .option(
      "--methods <name...>",
      "methods to run, see codyra run --help (default: zero-shot, finetune, codyra, statra)",
    )
    .option("--domains <name...>", "domains to learn, in order (default: all)")
    .option("--hold-outs <name...>", "domains to evaluate after every task, and never train on")
    .option(
      "-o, --option <key=value>",
      "option of the methods, such as rank=4; may be repeated",
      collectOption,
      {},
    )
    .option("--seed <n>", "seed of the training images, initialisation and batches")
    .option("--output <dir>", "directory for the runs (default: a new one under runs/)")
    .option("--resume", "go on with an interrupted demo in --output")
    .option("--json", "print the metrics as JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ codyra demo
  $ codyra demo --methods finetune codyra --seed 3 --output runs/seed3
  $ codyra launch --processes 2 demo --methods zero-shot codyra   # docs/clusters.md`,
    )
    .action(demonstrate);
}

async function demonstrate(flags: DemoFlags): Promise<void> {
  const output = resolve(flags.output ?? `runs/demo-${timestamp()}`);
  const chosen = flags.output === undefined ? ["--output", relative(process.cwd(), output)] : [];
  await withProcesses(
    () => commandToResume(...chosen),
    async (signal, progress) => {
      const names = await runMethods(flags, output, signal, progress);
      if (progress !== undefined) await show(names, output, flags.json ?? false);
    },
  );
}

/** @returns the methods that ran, each in a folder of its name */
async function runMethods(
  flags: DemoFlags,
  output: string,
  signal: AbortSignal,
  progress: Progress | undefined,
): Promise<readonly string[]> {
  const { packageRoot } = await import("../../torch/index.js");
  const { openMethod, readMiniatureSettings, runTasks } = await import("../../experiment/index.js");
  const settings = readMiniatureSettings(packageRoot);
  const protocol = protocolSchema.parse(flags.protocol ?? settings.protocol);
  const seed = z.coerce
    .number()
    .pipe(z.int().nonnegative())
    .parse(flags.seed ?? settings.seeds[0]);
  const names = flags.methods ?? settings.demo;
  const options = methodsInProtocol(settings, protocol);
  const methods = names.map((name) =>
    openMethod(name, mergeOptions(options[name] ?? {}, flags.option), protocol),
  );
  const { start, tasks, holdOuts, reference } = await openWorld(flags, settings, seed, progress);
  const { shots, testPerClass, referencePairs } = settings;
  const classes = tasks.reduce((count, task) => count + task.classes.length, 0);
  progress?.say(
    `\nMiniature ${protocol === "x-tail" ? "X-TAIL" : "MTIL"}: ${tasks.length} domains (${tasks.map((task) => task.name).join(", ")}), ` +
      `${classes} classes, ${shots} training images each\n`,
  );
  for (const method of methods) {
    await runTasks(
      {
        name: method.name,
        protocol,
        method,
        model: start,
        device: "cpu",
        seed,
        directory: join(output, method.name),
        reference,
        holdOuts,
        config: { ...start, shots, testPerClass, referencePairs },
        resume: flags.resume,
        observer: progress,
        signal,
      },
      tasks,
    );
  }
  return names;
}

/**
 * The setting that every method of the demo sees: the model to start from, the domains, and reference data.
 */
async function openWorld(
  flags: DemoFlags,
  settings: MiniatureSettings,
  seed: number,
  progress: Progress | undefined,
) {
  const { openMiniatureReference, openMiniatureTasks, locateModel, openModel } = await import(
    "../../experiment/index.js"
  );
  const { shots, testPerClass, referencePairs } = settings;
  const start = { model: locateModel(flags.model ?? settings.model, process.cwd()) };
  const model = openModel(start, "cpu");
  progress?.start("drawing the miniature world");
  const world = await openMiniatureTasks({ shots, testPerClass, seed }, model);
  const tasks = choose(world, flags.domains ?? world.map(({ name }) => name));
  const holdOuts = choose(world, flags.holdOuts ?? []);
  const reference = await openMiniatureReference(referencePairs, model, start.model);
  model.dispose();
  return { start, tasks, holdOuts, reference };
}

/** Writes the report, and prints the tables of all methods. */
async function show(names: readonly string[], output: string, json: boolean): Promise<void> {
  const { groupRuns, headline, metricTables, readRun, renderTerminal, writeReport } = await import(
    "../../report/index.js"
  );
  const runs = names.map((name) => readRun(join(output, name)));
  const page = join(output, "report.html");
  await writeReport(runs, page);
  if (json) {
    const told = runs.map(({ info, metrics }) => ({ method: info.method, metrics }));
    print(jsonText({ directory: output, runs: told }));
    return;
  }
  for (const table of metricTables(runs)) print(`\n${renderTerminal(table, terminalStyle(process.stdout))}`);
  print(`\n${headline(groupRuns(runs))}\n`);
  print(`\nRun files  ${output}\nReport     ${page}\n`);
}

function choose(world: readonly Task[], names: readonly string[]): Task[] {
  return names.map((name) => {
    const found = world.find((task) => task.name === name);
    if (found) return found;
    const known = world.map((task) => task.name).join(", ");
    throw new UsageError(`There is no domain '${name}': expected one of ${known}.`);
  });
}

/** Local time as part of a directory name. */
function timestamp(): string {
  const now = new Date();
  const two = (value: number): string => String(value).padStart(2, "0");
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return `${date}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}
