import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { packageRoot } from "../setup/files.mjs";
import { readPlan, settingsOf } from "./plan.mjs";

const plans = join(packageRoot, "configs", "paper");
const planFiles = {
  full: "plan.yaml",
  miniature: "miniature-plan.yaml",
  realImages: "real-images-plan.yaml",
};

/**
 * The command line of `npm run paper`, with the plan that it names.
 * @returns {object} its options; `list` for `--plan`; plan: as `readPlan` reads it;
 * writes: whether results are written too; shared: arguments for
 * every `codyra run`
 */
export function readOptions() {
  const command = commandLine().parse();
  const { plan: list, from, ...given } = command.opts();
  const small = ["miniature", "realImages"].filter((name) => given[name]);
  const problem = conflict(list, given, small);
  if (problem !== undefined) return command.error(`error: ${problem}.`);
  const [benchmark = "full"] = small;
  const plan = readPlan(from ?? join(plans, planFiles[benchmark]));
  const unknown = unknownName(plan, given);
  if (unknown !== undefined) return command.error(`error: ${unknown}.`);
  return {
    dir: join(packageRoot, "runs", "paper", folderOf(benchmark, given.model)),
    device: "cpu",
    jobs: benchmark === "full" ? 1 : availableParallelism(),
    ...given,
    list,
    plan,
    writes: small.length > 0 && !list && !given.run,
    shared: ["data", "device", ...(given.realImages ? [] : ["model"])].flatMap((name) =>
      given[name] ? [`--${name}`, given[name]] : [],
    ),
  };
}

function commandLine() {
  return new Command("npm run paper --")
    .description("List or make the runs behind the tables and figures of the paper.")
    .option("--plan", "list the runs with their state, time and disk, and run nothing")
    .option("--run", "make the runs that are missing")
    .option("--results", "of the small benchmarks: write the results of what is finished, and run nothing")
    .option("--miniature", "those of the embedded benchmark; without --plan and --run also write the results")
    .option(
      "--real-images <dir>",
      "those on a pack of labelled images, with --model; without --plan and --run also write the results",
    )
    .option(
      "--dir <dir>",
      "where the runs are kept; processes that share it share the work (default: below runs/paper)",
    )
    .option("--from <file>", "another plan than those of configs/paper")
    .option("--only <names...>", "groups of the plan (default: all)")
    .option("--methods <names...>", "methods (default: all of a group)")
    .option("--seeds <n...>", "seeds (default: those of a group)", (text, before = []) => [
      ...before,
      integer(text, 0),
    ])
    .option("--model <model>", "CLIP to start from, as in codyra run or codyra demo")
    .option("--data <dir>", "folder that holds the folders of the paper's datasets")
    .option("--device <device>", "cpu, cuda, cuda:1, … (default: cpu)")
    .option("--jobs <n>", "runs at a time (default: 1; of the small benchmarks one per core)", (text) =>
      integer(text, 1),
    )
    .option("--retry", "also try again what has failed")
    .option("--to <dir>", "where the results of the small benchmarks are written", join(packageRoot, "docs"))
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
}

/** The reason why options do not go together, if so. @param small the small benchmarks that are named */
function conflict(list, given, small) {
  if (!list && !given.run && small.length === 0)
    return "expected --plan, --run, --miniature or --real-images";
  if (given.results && small.length === 0)
    return "--results: expected --miniature or --real-images with it, got neither";
  if (small.length > 1) return "expected --miniature or --real-images, got both";
  if (given.realImages && !given.model)
    return "--real-images: expected --model with the CLIP to start from, got none";
}

/** The first group or method that the plan does not have, if so, in words. */
function unknownName(plan, given) {
  const known = {
    only: plan.groups.map(({ name }) => name),
    methods: plan.groups.flatMap(({ methods }) => methods),
  };
  for (const [name, all] of Object.entries(known)) {
    const unknown = given[name]?.find((each) => !all.includes(each));
    if (unknown === undefined) continue;
    return `--${name}: expected some of ${[...new Set(all)].join(", ")}, got ${unknown}`;
  }
}

/** Runs from different models do not share a folder. */
function folderOf(benchmark, model) {
  if (benchmark === "miniature") return basename(model ?? settingsOf({}).model);
  return benchmark === "full" ? "full" : `real-images-${basename(model)}`;
}

function integer(text, smallest) {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= smallest) return value;
  throw new InvalidArgumentError(`Expected a whole number of at least ${smallest}.`);
}
