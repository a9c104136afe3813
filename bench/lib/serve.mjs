import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { torch } from "../../dist/index.js";

/**
 * Serves as `bench/peers/serve.py` does in Python: a JSON request per line on stdin, a JSON answer per line
 * on stdout.
 */
export async function serve(handlers) {
  const all = { versions: versionsOf(torch), reset_peak: resetPeak, peak_bytes: peakBytes, ...handlers };
  for await (const line of createInterface({ input: process.stdin })) {
    const { command, ...options } = JSON.parse(line);
    const answer = (await all[command](options)) ?? null;
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

/** @param torch codyra's torch, from the build that is measured */
export function versionsOf(torch) {
  return ({ threads }) => {
    torch.setNumThreads(threads);
    return { node: process.versions.node, torch: torch.version(), threads: torch.numThreads() };
  };
}

/** Linux only: the highest resident memory counts from now on. CUDA's peak too. */
function resetPeak() {
  if (process.platform === "linux") writeFileSync("/proc/self/clear_refs", "5");
  if (torch.cuda.isAvailable()) torch.cuda.resetPeakMemory();
}

/** Peak memory: resident of this process, or allocated on the device. */
function peakBytes({ device = "cpu" }) {
  if (device !== "cpu") return torch.cuda.memory().peakAllocatedBytes;
  if (process.platform !== "linux") return process.resourceUsage().maxRSS * 1024;
  return Number(readFileSync("/proc/self/status", "utf8").match(/VmHWM:\s+(\d+)/)[1]) * 1024;
}
