// `npm run paper -- --plan | --run [--miniature]`: the runs behind the paper's tables and figures, listed or
// made, each in a process of its own. Several of these may share a folder. `npm run paper -- --miniature`
// makes those of the embedded benchmark, then docs/miniature-results.md; `--real-images PACK --model CLIP`
// those on a pack of photographs, then docs/real-images-results.md.
import { resolve } from "node:path";
import { describePlan } from "./paper/list.mjs";
import { readOptions } from "./paper/options.mjs";
import { planRuns, settingsOf } from "./paper/plan.mjs";
import { withPack } from "./paper/real-images.mjs";
import { runAll } from "./paper/run-all.mjs";

const resultsOf = {
  miniature: "./paper/results.mjs",
  "rank-choice": "./paper/rank-choice-results.mjs",
  "real-images": "./paper/real-images-results.mjs",
};
const { plan: chosen, device, jobs, realImages: pack, ...options } = readOptions();
const folder = resolve(options.dir);
const plan = pack === undefined ? chosen : ofPack();
const runs = planRuns(plan, folder, options);

if (options.list) {
  const { estimate } = await import("./paper/estimate.mjs");
  try {
    const estimates = estimate(runs, folder, { device, settingsOf });
    process.stdout.write(describePlan(runs, folder, estimates, { device, jobs }));
  } catch (error) {
    process.stderr.write(`${error.message}\n`); // of a device that is not there, for example
    process.exitCode = 1;
  }
} else {
  const { failures, isInterrupted } = options.results
    ? { failures: [], isInterrupted: false }
    : await runAll(runs, folder, { jobs, retry: options.retry });
  if (options.writes && !isInterrupted) {
    const { writeResults } = await import(resultsOf[plan.results]);
    const written = await writeResults(runs, settingsOf({}), resolve(options.to));
    process.stdout.write(written.map((path) => `${path}\n`).join(""));
  }
  if (failures.length > 0) {
    const lines = failures.map(({ id, reason }) => `  ${id}  ${reason}\n`);
    process.stderr.write(
      `\n${failures.length} of ${runs.length} runs failed; --retry tries them again:\n${lines.join("")}`,
    );
  }
  process.exitCode = isInterrupted ? 130 : failures.length > 0 ? 1 : 0;
}

/** The plan for the pack that was named; without one that can be read, the process ends. */
function ofPack() {
  try {
    return withPack(chosen, folder, { pack, model: options.model });
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    return process.exit(2);
  }
}
