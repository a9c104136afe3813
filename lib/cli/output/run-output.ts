import { jsonText } from "../../files/index.js";
import type { AccuracyMatrix, RunRecord } from "../../records/index.js";
import { print } from "./print.js";
import { terminalStyle } from "./terminal-style.js";

/**
 * Writes the report of a run that has ended, and prints what came of it.
 * @returns the path of the report
 */
export async function finishRun(directory: string, accuracy: AccuracyMatrix, json: boolean): Promise<string> {
  const { computeMetrics, readRunRecord } = await import("../../records/index.js");
  const { metricTables, readRun, renderTerminal, writeReport } = await import("../../report/index.js");
  const saved = `${directory}/report.html`;
  writeReport([readRun(directory)], saved);
  const { memory } = readRunRecord(directory);
  if (json) {
    print(jsonText({ directory, ...accuracy, metrics: computeMetrics(accuracy), memory }));
    return saved;
  }
  for (const table of metricTables([readRun(directory)])) {
    print(`\n${renderTerminal(table, terminalStyle(process.stdout))}`);
  }
  print(`\nMemory     ${formatPeaks(memory)}\n`);
  print(`Run files  ${directory}\nReport     ${saved}\n`);
  return saved;
}

/** Such as `load 0.3 GB, training 1.2 GB (device 4.1 GB)`: the highest of each phase. */
function formatPeaks(peaks: RunRecord["memory"] = {}): string {
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
  return Object.entries(peaks)
    .map(([phase, { peakResidentBytes, peakDeviceBytes }]) => {
      const device = peakDeviceBytes === undefined ? "" : ` (device ${gigabytes(peakDeviceBytes)})`;
      return `${phase} ${gigabytes(peakResidentBytes)}${device}`;
    })
    .join(", ");
}
