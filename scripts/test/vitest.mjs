import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand, runInForeground } from "../setup/command.mjs";
import { packageRoot, readJson } from "../setup/files.mjs";

/**
 * Runs Vitest to its end.
 * @param {string[]} filters parts of paths of test files, and Vitest's own options
 * @param {{ env?: NodeJS.ProcessEnv, isQuiet?: boolean }} options isQuiet: collects the output instead of
 * printing it
 * @returns {Promise<{ passed: number, failed: number, skipped: number, results?: object, output: string }>}
 *   results: Vitest's JSON report; output: what it would have printed, where it was quiet
 */
export async function runVitest(filters, { env = process.env, isQuiet = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "codyra-test-"));
  const report = join(folder, "results.json");
  const vitest = join(packageRoot, "node_modules/vitest/vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const args = [vitest, "run", ...reporters, ...filters];
  const options = { cwd: packageRoot, env };
  try {
    const { code, output } = isQuiet
      ? await runCommand(process.execPath, args, options)
      : { code: await runInForeground(process.execPath, args, options), output: "" };
    const results = readJson(report);
    return { ...count(results, code), results, output };
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

export function addTotals(a, b) {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** The line that a run of tests ends with. */
export function formatTotals({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`;
}
