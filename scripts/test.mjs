// `npm test`: everything that a fresh clone needs, then all tests, or those named after `--`; ends with one
// line of totals.
import { runSetUp } from "./setup/run.mjs";
import { explainSkipped } from "./test/skipped.mjs";
import { formatTotals, runVitest } from "./test/vitest.mjs";

const isReady = await runSetUp({
  withPackages: true,
  quiet: true,
  peers: "wanted",
  programs: true,
  compileKernels: true,
});
const { results, ...totals } = isReady
  ? await runVitest(process.argv.slice(2))
  : { passed: 0, failed: 1, skipped: 0 };
for (const line of explainSkipped(results)) console.log(line);
console.log(formatTotals(totals));
process.exitCode = totals.failed ? 1 : 0;
