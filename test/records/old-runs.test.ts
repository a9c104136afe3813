import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createMethod } from "../../lib/methods/index.js";
import { readChanges, readEvents, readMatrix, readRanks, readRunRecord } from "../../lib/records/index.js";
import { groupRuns, metricTables, pageData, paperTables, readRun } from "../../lib/report/index.js";
import { readJson, temporaryFolder, tinyOptions, tinyRun } from "../protocol/tiny-run.js";

// Earlier versions of codyra recorded these with `tinyRun`. `before-records` is by the last one whose files
// had no version. `before-gates` is by the last one without codyra's options `gates` and `pruning`.
const fixture = (name: string) => join(import.meta.dirname, "fixtures", name);

/** A copy of a fixture, to go on with. */
function copyOf(name: string): string {
  const folder = temporaryFolder();
  cpSync(fixture(name), folder, { recursive: true });
  return folder;
}

describe("a run of an earlier version", () => {
  it("is read", () => {
    const directory = fixture("before-records/finished");
    expect(readRunRecord(directory)).toMatchObject({ method: "codyra", name: "tiny" });
    expect(readMatrix(directory)?.matrix).toHaveLength(2);
    expect(readRanks(directory)?.tasks.map(({ dataset }) => dataset)).toEqual(["colours", "greys"]);
    expect(readChanges(directory, 1)?.modules.length).toBe(readRanks(directory)?.modules.length);
  });

  it("has the values of options under their names of today", () => {
    const directory = copyOf("before-gates/interrupted");
    const path = join(directory, "run.json");
    const record = readJson(path) as { config: object };
    const config = { ...record.config, preset: "reference-code", loss: "reference" };
    writeFileSync(path, JSON.stringify({ ...record, config }));
    expect(readRunRecord(directory).config).toEqual({ ...config, preset: "released", loss: "released" });
  });

  it("is reported", () => {
    const run = readRun(fixture("before-records/finished"));
    expect(run.metrics?.last.columns).toEqual(run.accuracy.matrix[1]);
    expect(run.steps.map(({ task, step }) => [task, step])).toEqual([
      [0, 2],
      [0, 4],
      [1, 2],
      [1, 4],
    ]);
    expect(metricTables([run])[0]?.rows.map(({ label }) => label)).toContain("codyra");
    expect(pageData([run]).runs).toHaveLength(1);
    expect(() => paperTables([run, readRun(fixture("before-gates/interrupted"))])).not.toThrow();
  });

  it.each(["before-records", "before-gates"])("is resumed: %s", async (version) => {
    const directory = copyOf(`${version}/interrupted`);
    const before = readMatrix(directory);
    const ofFirstTask = () => readEvents(directory).filter(({ task }) => task < 1);
    const events = ofFirstTask();
    const accuracy = await tinyRun(directory, { config: { model: "tiny" }, resume: true });
    expect(accuracy.matrix).toHaveLength(2);
    expect(accuracy.matrix[0]).toEqual(before?.matrix[0]);
    expect(ofFirstTask()).toEqual(events);
    expect(events).toHaveLength(5); // zero-shot, two steps, the end of the task and its evaluation
    expect(readRun(directory).info.finishedAt).not.toBeNull();
    expect(readJson(directory, "ranks.json")).toMatchObject({ formatVersion: 1, tasks: [{}, {}] });
  });

  it("ends as it would have then", async () => {
    const directory = copyOf("before-records/interrupted");
    const { matrix } = await tinyRun(directory, { config: { model: "tiny" }, resume: true });
    const finished = readMatrix(fixture("before-records/finished"));
    matrix.flat().forEach((value, i) => {
      // Six images or fewer per class: on another processor one of them may change sides.
      expect(Math.abs(value - (finished?.matrix.flat()[i] as number))).toBeLessThan(0.15);
    });
  });

  it("is a seed of today's runs once it was resumed, finished as it is", async () => {
    const [directory, other] = [copyOf("before-records/finished"), temporaryFolder()];
    const config = { model: "tiny" };
    const matrix = readMatrix(directory);
    expect(readRunRecord(directory).config.options).not.toHaveProperty("replay");
    await tinyRun(directory, { config, resume: true });
    await tinyRun(other, { config, seed: 9 });
    expect(readMatrix(directory)).toEqual(matrix);
    expect(groupRuns([readRun(directory), readRun(other)]).map(({ runs }) => runs.length)).toEqual([2]);
  });

  it("is not resumed with an option that is not at its default", async () => {
    const directory = copyOf("before-gates/interrupted");
    const method = createMethod("codyra", { ...tinyOptions, gates: "fixed" }, "x-tail");
    await expect(tinyRun(directory, { config: { model: "tiny" }, resume: true, method })).rejects.toThrow(
      /differs in config\.options\.gates, config\.options\.pruning: expected the same/,
    );
  });
});
