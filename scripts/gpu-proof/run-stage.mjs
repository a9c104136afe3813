import { spawn } from "node:child_process";
import { packageRoot } from "../setup/files.mjs";

const keptCharacters = 12_000;

/**
 * @typedef {object} Outcome
 * @property {"passed" | "failed" | "out of time" | "not run"} outcome
 * @property {number} seconds
 * @property {string} tables the tables that a benchmark printed on stdout
 * @property {string} output the end of everything that was printed
 * @typedef {import("./stages.mjs").Stage & Outcome} Result
 */

/**
 * Runs a stage to its end, or to the end of the time. What it prints appears as it comes.
 * @param {import("./stages.mjs").Stage} stage
 * @param {number} leftMs time left for everything
 * @returns {Promise<Result>}
 */
export async function runStage(stage, leftMs) {
  const result = { ...stage, seconds: 0, tables: "", output: "" };
  if (leftMs <= 0) return { ...result, outcome: "not run", output: "No time was left." };
  process.stderr.write(`\ngpu-proof: ${stage.name}\n`);
  const startMs = performance.now();
  // In a process group of its own, so that contenders and compilers end with it.
  const child = spawn(process.execPath, stage.script, {
    cwd: packageRoot,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const end = () => endGroup(child);
  const interrupt = (signal) => {
    end();
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, leftMs);
  child.stdout.setEncoding("utf8").on("data", (text) => {
    if (stage.isBenchmark) result.tables += text;
    keep(result, text);
  });
  child.stderr.setEncoding("utf8").on("data", (text) => keep(result, text));
  const code = await new Promise((resolve) => {
    child.once("error", (error) => {
      keep(result, error.message);
      resolve(127);
    });
    child.once("close", resolve);
  });
  clearTimeout(timer);
  process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  const outcome = isLate ? "out of time" : code === 0 ? "passed" : "failed";
  return { ...result, outcome, seconds: (performance.now() - startMs) / 1000 };
}

function keep(result, text) {
  process.stderr.write(text);
  result.output = (result.output + text).slice(-keptCharacters);
}

function endGroup(child) {
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It ended in between.
  }
}
