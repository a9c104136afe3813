// `npm run paper -- --miniature`: every method on both protocols of the miniature benchmark, for several seeds, each run in a process of its
// own; then docs/miniature-results.{md,svg}. Runs that are finished are not run again.
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { planRuns, protocols, readSettings } from "./paper/plan.mjs";
import { writeResults } from "./paper/results.mjs";
import { runAll } from "./paper/run-all.mjs";
import { packageRoot } from "./setup/files.mjs";

const settings = readSettings();
const options = readOptions();
const folder = resolve(options.runs);
const runs = planRuns(settings, options, folder);

if (options.plan) {
  for (const { label, isFinished, args } of runs) {
    process.stdout.write(`${label}  ${isFinished ? "finished" : `codyra ${args.join(" ")}`}\n`);
  }
} else {
  const { failures, isInterrupted } = await runAll(runs, options.jobs);
  const written = isInterrupted ? [] : await writeResults(settings, folder, resolve(options.to));
  process.stdout.write(written.map((path) => `${path}\n`).join(""));
  if (failures.length > 0) {
    const lines = failures.map(({ label, reason }) => `  ${label}  ${reason}\n`);
    process.stderr.write(`\n${failures.length} of ${runs.length} runs failed:\n${lines.join("")}`);
  }
  process.exitCode = isInterrupted ? 130 : failures.length > 0 ? 1 : 0;
}

function readOptions() {
  const methods = Object.keys(settings.methods);
  const command = new Command("npm run paper --")
    .description("Run every method for several seeds, and write the tables of the results.")
    .option("--miniature", "on the miniature benchmark")
    .addOption(
      new Option("--protocols <names...>", "protocols").choices(protocols).default(protocols, "both"),
    )
    .addOption(new Option("--methods <names...>", "methods").choices(methods).default(methods, "all"))
    .option("--seeds <n...>", "seeds", collectSeeds, settings.seeds)
    .option("--jobs <n>", "runs at a time, of one thread each", positive, availableParallelism())
    .option("--runs <dir>", "where the runs are kept", join(packageRoot, "runs", "paper", "miniature"))
    .option("--to <dir>", "where the results are written", join(packageRoot, "docs"))
    .option("--plan", "list the runs, and run nothing")
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
  const given = command.parse().opts();
  if (given.miniature) return given;
  return command.error(
    "error: expected --miniature. For the paper's own datasets, use codyra run --config configs/paper/x-tail.yaml.",
  );
}

function collectSeeds(text, before) {
  const seed = integer(text, 0);
  return before === settings.seeds ? [seed] : [...before, seed];
}

function positive(text) {
  return integer(text, 1);
}

function integer(text, smallest) {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= smallest) return value;
  throw new InvalidArgumentError(`Expected a whole number of at least ${smallest}.`);
}
