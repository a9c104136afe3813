import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { type RunRecord, readRunRecord, writeRunRecord } from "../../lib/records/index.js";

const record: RunRecord = {
  formatVersion: 1,
  name: "shop",
  method: "codyra",
  protocol: "x-tail",
  seed: 8,
  config: { precision: "fp32", options: { rank: 4 } },
  versions: { codyra: "0.1.0", libtorch: "2.13.0", node: "22.0.0" },
  gitRevision: null,
  datasets: [
    {
      name: "pets",
      classes: ["cat", "dog"],
      template: "a photo of a {}.",
      trainImages: 4,
      testImages: 2,
      fingerprint: "1f",
    },
  ],
  startedAt: "2026-01-01T00:00:00.000Z",
  finishedAt: null,
  durationSeconds: 0,
  peakResidentBytes: 0,
  memory: {},
  trainableParameters: 0,
  totalParameters: 10,
};

it("a record that was read and written again has the same bytes", () => {
  const folder = mkdtempSync(join(tmpdir(), "codyra-record-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const bytes = () => readFileSync(join(folder, "run.json"), "utf8");
  writeRunRecord(folder, record);
  const first = bytes();
  const again = readRunRecord(folder);
  expect(again).toEqual(record);
  writeRunRecord(folder, again);
  expect(bytes()).toBe(first);
});
