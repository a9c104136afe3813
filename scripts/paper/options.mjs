import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { packageRoot } from "../setup/files.mjs";
import { readPlan, settingsOf } from "./plan.mjs";

const plans = join(packageRoot, "configs", "paper");

/**
 * The command line of `npm run paper`, with the plan that it names.
 * @returns {object} its options; `list` for `--plan`; plan: as `readPlan` reads it; shared: arguments for
 * every `codyra run`
 */
export function readOptions() {
  const command = new Command("npm run paper --")
    .description("List or make the runs behind the tables and figures of the paper.")
    .option("--plan", "list the runs with their state, time and disk, and run nothing")
    .option("--run", "make the runs that are missing")
    .option("--miniature", "those of the embedded benchmark; without --plan and --run also write the results")
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
    .option("--jobs <n>", "runs at a time (default: 1; of the miniature benchmark one per core)", (text) =>
      integer(text, 1),
    )
    .option("--retry", "also try again what has failed")
    .option(
      "--to <dir>",
      "where the results of the miniature benchmark are written",
      join(packageRoot, "docs"),
    )
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
  const { plan: list, from, ...given } = command.parse().opts();
  if (!list && !given.run && !given.miniature) {
    return command.error("error: expected --plan, --run or --miniature.");
  }
  const plan = readPlan(from ?? join(plans, given.miniature ? "miniature-plan.yaml" : "plan.yaml"));
  const known = {
    only: plan.groups.map(({ name }) => name),
    methods: plan.groups.flatMap(({ methods }) => methods),
  };
  for (const [name, all] of Object.entries(known)) {
    const unknown = given[name]?.find((each) => !all.includes(each));
    if (unknown === undefined) continue;
    command.error(`error: --${name}: expected some of ${[...new Set(all)].join(", ")}, got ${unknown}.`);
  }
  return {
    dir: join(
      packageRoot,
      "runs",
      "paper",
      given.miniature ? basename(given.model ?? settingsOf({}).model) : "full",
    ),
    device: "cpu",
    jobs: given.miniature ? availableParallelism() : 1,
    ...given,
    list,
    plan,
    shared: ["model", "data", "device"].flatMap((name) => (given[name] ? [`--${name}`, given[name]] : [])),
  };
}

function integer(text, smallest) {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= smallest) return value;
  throw new InvalidArgumentError(`Expected a whole number of at least ${smallest}.`);
}
