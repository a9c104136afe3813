import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { MemoryMeter } from "../../lib/protocol/memory.js";
import { needs } from "../needs.js";
import { collectGarbage } from "../torch/fixtures.js";
import { readJson, temporaryFolder, tinyRun } from "./tiny-run.js";

const needsLinux = needs(process.platform === "linux", "not Linux", "run on Linux");
const megabytes = 2 ** 20;

/** Memory that goes back to the system once it is collected, unlike that of the C library. */
function touch(bytes: number): void {
  const pages = new WebAssembly.Memory({ initial: bytes / 65536 });
  new Uint8Array(pages.buffer).fill(1);
}

it("measures the peak of each phase by itself", needsLinux, async () => {
  const meter = new MemoryMeter("cpu");
  const phase = async (name: "training" | "evaluation", bytes: number) => {
    await collectGarbage();
    meter.begin();
    touch(bytes);
    return meter.end(name).peakResidentBytes;
  };
  const large = await phase("training", 640 * megabytes);
  const small = await phase("evaluation", 64 * megabytes);
  expect(large - small).toBeGreaterThan(500 * megabytes);
  await phase("training", 64 * megabytes);
  expect(meter.peaks.training).toEqual({ peakResidentBytes: large }); // the highest counts
  const { training, evaluation } = meter.peaks;
  expect(new MemoryMeter("cpu", meter.peaks).peaks).toMatchObject({ training, evaluation });
});

it("is recorded with every task and with the run", async () => {
  const folder = temporaryFolder();
  await tinyRun(folder);
  const { memory, peakResidentBytes } = readJson(folder, "run.json");
  expect(Object.keys(memory)).toEqual(["load", "zero-shot", "training", "evaluation"]);
  const peaks = Object.values(memory) as { peakResidentBytes: number }[];
  expect(peakResidentBytes).toBe(Math.max(...peaks.map((peak) => peak.peakResidentBytes)));
  const events = readFileSync(join(folder, "events.jsonl"), "utf8").trimEnd().split("\n");
  const measured = events.map((line) => JSON.parse(line)).filter((event) => event.peakResidentBytes > 50e6);
  expect(measured.map(({ kind, task }) => [kind, task])).toEqual([
    ["evaluation", -1],
    ["task-end", 0],
    ["evaluation", 0],
    ["task-end", 1],
    ["evaluation", 1],
  ]);
});
