// `npm test`: everything that a fresh clone needs, then all tests, or those named after `--`; ends with one line of totals.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInForeground } from "./setup/command.mjs";
import { packageRoot, readJson } from "./setup/files.mjs";
import { runSetUp } from "./setup/run.mjs";

const ready = await runSetUp({ withPackages: true, quiet: true, peers: "wanted", compileKernels: true });
const { passed, failed, skipped } = ready
  ? await runTests(process.argv.slice(2))
  : { passed: 0, failed: 1, skipped: 0 };
console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed ? 1 : 0;

async function runTests(filters) {
  const folder = mkdtempSync(join(tmpdir(), "codyra-test-"));
  const output = join(folder, "results.json");
  const vitest = join(packageRoot, "node_modules/vitest/vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${output}`];
  try {
    const code = await runInForeground(process.execPath, [vitest, "run", ...reporters, ...filters], {
      cwd: packageRoot,
    });
    return count(readJson(output), code);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A file that could not be imported counts as one failure, and so does a run that crashed. */
function count(results, code) {
  const broken =
    results?.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0) ??
    [];
  const failed = (results?.numFailedTests ?? 0) + broken.length;
  return {
    passed: results?.numPassedTests ?? 0,
    failed: code === 0 ? failed : Math.max(failed, 1),
    skipped: (results?.numPendingTests ?? 0) + (results?.numTodoTests ?? 0),
  };
}
