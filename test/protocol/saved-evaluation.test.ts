import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createMethod } from "../../lib/methods/index.js";
import type { RunOptions } from "../../lib/protocol/index.js";
import { colourTasks } from "../methods/tasks.js";
import { everyMethod, tinyReference } from "./tiny-methods.js";
import { outcome, temporaryFolder, tinyRun } from "./tiny-run.js";

const always = 1e-9; // seconds: whenever a dataset is measured
const tinyOptions = Object.fromEntries(everyMethod);

/** Batches of four test images that a run measures, and whether it came to its end; stopped after so many. */
async function measure(
  directory: string,
  overrides: Partial<RunOptions> = {},
  stopAfter = Number.POSITIVE_INFINITY,
) {
  const controller = new AbortController();
  const warnings: string[] = [];
  let batches = 0;
  const observer = {
    evaluated: () => void (++batches === stopAfter && controller.abort()),
    warn: (message: string) => void warnings.push(message),
  };
  const started = tinyRun(directory, {
    ...{ observer, signal: controller.signal, resume: true, evaluationBatchSize: 4 },
    ...{ saveEverySeconds: always, ...overrides },
  });
  const error = await started.then(
    () => undefined,
    (reason: Error) => reason,
  );
  if (error !== undefined) expect(error).toMatchObject({ name: "AbortError" });
  return { isFinished: error === undefined, batches, warnings };
}

describe("a row of the matrix", () => {
  it.each<[name: string, options: Record<string, unknown>, overrides: Partial<RunOptions>]>([
    ["codyra", {}, {}],
    ["codyra", {}, { evaluationPrecision: "bf16" }],
    [
      "codyra-routed",
      { router: "ddas", ddas: { features: "clip", code: 4, iterations: 3, threshold: 1 } },
      {},
    ],
    ["rail-dual", {}, { protocol: "mtil" }],
    ["dac", { knownTasks: true }, { protocol: "mtil" }],
  ])("of %s %j goes on after the dataset that was measured last", async (name, options, overrides) => {
    const [undisturbed, stopped] = [temporaryFolder(), temporaryFolder()];
    const { protocol = "x-tail" } = overrides;
    const start = (directory: string, stopAfter?: number) => {
      const method = createMethod(name, { ...tinyOptions[name], ...options }, protocol);
      const holdOuts = [{ ...colourTasks()[1], name: "held out" }] as RunOptions["holdOuts"];
      const given = { ...overrides, method, holdOuts, reference: tinyReference() };
      return measure(directory, given, stopAfter);
    };
    await start(undisturbed);
    // A row is 3, 2 and 2 batches. Whatever of a dataset was done when the run stopped is done again.
    for (const stopAfter of [4, 1, 3, 2, 5]) {
      const { isFinished, batches } = await start(stopped, stopAfter);
      expect({ isFinished, batches }).toEqual({ isFinished: false, batches: stopAfter });
    }
    expect(existsSync(join(stopped, "evaluations"))).toBe(true);
    expect((await start(stopped)).isFinished).toBe(true);
    expect(outcome(stopped)).toEqual(outcome(undisturbed)); // without saved rows
  });

  const ofZeroShot = (directory: string): string => join(directory, "evaluations", "zero-shot.json");

  it("is measured from its beginning where nothing is saved", async () => {
    const folder = temporaryFolder();
    await measure(folder, { saveEverySeconds: 0 }, 4);
    expect(existsSync(ofZeroShot(folder))).toBe(false);
    expect((await measure(folder)).batches).toBe(15); // three rows of 5
  });

  it("is saved where measuring it again would take a tenth of the time", async () => {
    const folder = temporaryFolder();
    await measure(folder, { saveEverySeconds: 600 }, 4);
    expect(existsSync(ofZeroShot(folder))).toBe(false);
    await measure(folder, {}, 4);
    expect((await measure(folder)).batches).toBe(12);
  });

  it.each([
    ["is damaged", (text: string) => text.slice(0, -9), /not valid JSON/],
    ["lacks something", (text: string) => text.replace('"accuracy"', '"acuracy"'), /unexpected content/],
    [
      "is of another libtorch",
      (text: string) => text.replace('"libtorch": "2', '"libtorch": "1'),
      "Earlier measurements of the row are left aside: it differs in libtorch",
    ],
  ])("is measured anew where what is saved %s", async (_, change, told) => {
    const [undisturbed, stopped] = [temporaryFolder(), temporaryFolder()];
    await measure(undisturbed);
    await measure(stopped, {}, 4);
    const text = readFileSync(ofZeroShot(stopped), "utf8");
    writeFileSync(ofZeroShot(stopped), change(text));
    expect(change(text)).not.toBe(text);
    const { batches, warnings } = await measure(stopped);
    expect(batches).toBe(15);
    expect(warnings).toEqual([expect.stringMatching(told)]);
    expect(outcome(stopped)).toEqual(outcome(undisturbed));
  });

  it("goes on where it cannot be saved, and says so once", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "evaluations", "zero-shot.json"), { recursive: true });
    const { isFinished, warnings } = await measure(folder);
    expect(isFinished).toBe(true);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^Earlier measurements of the row are left aside: EISDIR/);
  });

  it("that a growth of the stream widens goes on as well", async () => {
    const [undisturbed, stopped] = [temporaryFolder(), temporaryFolder()];
    const tasks = colourTasks();
    for (const folder of [undisturbed, stopped]) await measure(folder, { tasks: tasks.slice(0, 1) });
    await measure(undisturbed, { tasks });
    // All columns of two rows are measured anew; the third row is new.
    for (const batches of [4, 3])
      expect(await measure(stopped, { tasks }, batches)).toMatchObject({ isFinished: false, batches });
    expect((await measure(stopped, { tasks })).batches).toBe(15 - 3 - 2);
    expect(outcome(stopped)).toEqual(outcome(undisturbed));
  });
});
