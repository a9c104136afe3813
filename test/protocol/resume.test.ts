import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { outcome, readJson, temporaryFolder, tinyOptions, tinyRun } from "./tiny-run.js";

const options = { ...tinyOptions, iterations: 2, logEvery: 1 };

describe("resuming", () => {
  it("ends in the same files from every moment at which a run may be killed", async () => {
    const [folder, moments] = [temporaryFolder(), temporaryFolder()];
    const count = await photographed(folder, moments, () => tinyRun(folder, { options }));
    expect(count).toBeGreaterThan(20);
    const wanted = outcome(folder);
    for (let moment = 0; moment < count; moment++) {
      const directory = join(moments, String(moment));
      await tinyRun(directory, { options, resume: true });
      expect(outcome(directory), `moment ${moment} of ${count}`).toEqual(wanted);
    }
  });

  it("tolerates a last event that was cut off", async () => {
    const [folder, moments] = [temporaryFolder(), temporaryFolder()];
    const count = await photographed(folder, moments, () => tinyRun(folder, { options }));
    const wanted = outcome(folder);
    // The state after the last task's checkpoint is the one that keeps its events.
    const trained = Array.from({ length: count }, (_, moment) => join(moments, String(moment))).filter(
      (directory) =>
        fs.existsSync(join(directory, "checkpoints", "task-1.safetensors")) &&
        readJson(directory, "matrix.json").matrix.length === 1,
    );
    expect(trained.length).toBeGreaterThan(1);
    for (const directory of trained) {
      fs.appendFileSync(join(directory, "events.jsonl"), '{"time":"2026-01-01T00:00:00.000Z","kind":"evalu');
      await tinyRun(directory, { options, resume: true });
      expect(outcome(directory)).toEqual(wanted);
    }
  });

  it("changes nothing in a finished run", async () => {
    const folder = temporaryFolder();
    const accuracy = await tinyRun(folder, { options });
    const before = fs.readdirSync(folder, { recursive: true });
    const record = readJson(folder, "run.json");
    expect(await tinyRun(folder, { options, resume: true })).toEqual(accuracy);
    expect(fs.readdirSync(folder, { recursive: true })).toEqual(before);
    expect(readJson(folder, "run.json")).toEqual(record);
  });

  it("goes on after an abort", async () => {
    const [folder, uninterrupted] = [temporaryFolder(), temporaryFolder()];
    const controller = new AbortController();
    const observer = { trained: () => controller.abort(), evaluated: () => {} };
    await expect(tinyRun(folder, { options, signal: controller.signal, observer })).rejects.toMatchObject({
      name: "AbortError",
    });
    await tinyRun(folder, { options, resume: true });
    await tinyRun(uninterrupted, { options });
    expect(outcome(folder)).toEqual(outcome(uninterrupted));
  });

  it("must be asked for", async () => {
    const folder = temporaryFolder();
    await tinyRun(folder, { options });
    const before = fs.readFileSync(join(folder, "run.json"));
    await expect(tinyRun(folder, { options })).rejects.toThrow(
      `${folder} holds a run already: expected a new directory. Pass --resume to go on with it, or name another directory.`,
    );
    expect(fs.readFileSync(join(folder, "run.json"))).toEqual(before);
  });

  it.each([
    [{ seed: 9 }, "seed"],
    [{ protocol: "mtil" as const, options: { ...options, denseRatio: 0.5 } }, "protocol"],
    [{ options: { ...options, rank: 3, kappaMax: 0.1 } }, "config.options.rank, config.options.kappaMax"],
    [{ config: { shots: 4 } }, "config.shots"],
  ])("refuses another run, %j, and says what differs", async (other, names) => {
    const folder = temporaryFolder();
    await tinyRun(folder, { options });
    await expect(tinyRun(folder, { options, ...other, resume: true })).rejects.toThrow(
      `${folder} holds a run that differs in ${names}: expected the same to resume it. ` +
        "Use the configuration in its run.json, or name another directory.",
    );
  });
});

/**
 * Copies a directory before each operation that changes it: a killed process leaves one of these states.
 * @returns how many copies there are, named 0, 1, …
 */
async function photographed(directory: string, to: string, body: () => Promise<unknown>): Promise<number> {
  const changing = ["renameSync", "appendFileSync", "rmSync"] as const;
  const originals = changing.map((name) => [name, fs[name]] as const);
  let count = 0;
  const files = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const [name, original] of originals) {
    files[name] = (...args) => {
      if (String(args[0]).startsWith(directory))
        fs.cpSync(directory, join(to, String(count++)), { recursive: true });
      return (original as (...args: unknown[]) => unknown)(...args);
    };
  }
  syncBuiltinESMExports();
  try {
    await body();
  } finally {
    Object.assign(fs, Object.fromEntries(originals));
    syncBuiltinESMExports();
  }
  return count;
}
