// `npm run results [-- SEED...]`: the demo for several seeds, then docs/miniature-results.{md,svg}, which the README shows. Seeds that were run before are not run again.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { report } from "../dist/index.js";
import { packageRoot } from "./setup/files.mjs";

const seeds = process.argv.length > 2 ? process.argv.slice(2) : ["1", "2", "3"];
const folders = seeds.map((seed) => {
  const output = join(packageRoot, "runs", `results-seed${seed}`);
  const command = ["demo", "--seed", seed, "--output", output, "--resume"];
  const { status } = spawnSync(process.execPath, [join(packageRoot, "dist/cli/main.js"), ...command], {
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
  return output;
});
const runs = folders.map((folder) => report.findRuns(folder).map(report.readRun));
const metrics = ["transfer", "average", "last", "forgetting"];

const methods = ["zero-shot", "finetune", "lora", "codyra"];
const rows = methods.map((method) => {
  const cells = metrics.map((metric) => {
    const values = runs.map(
      (ofSeed) => 100 * ofSeed.find((run) => run.info.method === method).metrics[metric].overall,
    );
    return `${mean(values).toFixed(1)} ± ${deviation(values).toFixed(1)}`;
  });
  return `| ${[method, ...cells].join(" | ")} |`;
});
const table = `| method | Transfer | Average | Last | Forgetting |\n|---|---|---|---|---|\n${rows.join("\n")}\n`;
const heading = `Miniature X-TAIL, mean ± standard deviation over seeds ${seeds.join(", ")}, in percent.\n\n`;
writeFileSync(join(packageRoot, "docs/miniature-results.md"), heading + table);
const inOrder = methods.map((method) => runs[0].find((run) => run.info.method === method));
writeFileSync(join(packageRoot, "docs/miniature-results.svg"), await report.resultsSvg(inOrder));
process.stdout.write(`\n${heading}${table}`);

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of a sample: with n − 1. */
function deviation(values) {
  const center = mean(values);
  return Math.sqrt(
    values.reduce((sum, value) => sum + (value - center) ** 2, 0) / Math.max(values.length - 1, 1),
  );
}
