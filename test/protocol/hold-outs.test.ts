import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createMethod } from "../../lib/methods/index.js";
import { evaluate, type TestSet } from "../../lib/protocol/index.js";
import { tinyClip } from "../lora/models.js";
import { colourTasks, recordedContext } from "../methods/tasks.js";
import { readEvents, readJson, temporaryFolder, tinyOptions, tinyRun } from "./tiny-run.js";

/** The tests of the tiny tasks under other names: there is nothing to train on. */
function twoHoldOuts(): TestSet[] {
  const [colours, greys] = colourTasks() as [TestSet, TestSet];
  const only = ({ classes, templates, test }: TestSet, name: string) => ({ name, classes, templates, test });
  return [only(greys, "shades"), only(colours, "paints")];
}

const bytes = (folder: string, file: string) => readFileSync(join(folder, file), "utf8");

describe.each(["x-tail", "mtil"] as const)("hold-outs in %s", (protocol) => {
  it("are tested before any task and after every one, each against its own classes", async () => {
    const folder = temporaryFolder();
    const model = tinyClip();
    const holdOuts = twoHoldOuts();
    const zeroShot = createMethod("zero-shot", {}, protocol);
    const own = { protocol: "mtil", batchSize: 100 } as const;
    const before = await evaluate(zeroShot, holdOuts, recordedContext(model), own);

    const accuracy = await tinyRun(folder, { model, protocol, holdOuts });
    expect(accuracy.holdOuts).toMatchObject({ datasets: ["shades", "paints"], zeroShot: before });
    expect(accuracy.holdOuts!.matrix).toHaveLength(2);
    const after = await evaluate(zeroShot, holdOuts, recordedContext(model), own);
    expect(accuracy.holdOuts!.matrix[1]).toEqual(after);
    expect(readJson(folder, "matrix.json")).toEqual(accuracy);
  });

  it("change nothing in the stream", async () => {
    const [withThem, without] = [temporaryFolder(), temporaryFolder()];
    const { holdOuts, ...stream } = await tinyRun(withThem, { protocol, holdOuts: twoHoldOuts() });
    expect(await tinyRun(without, { protocol })).toEqual(stream);
    expect(bytes(withThem, "ranks.json")).toBe(bytes(without, "ranks.json"));
  });
});

describe("hold-outs", () => {
  it("are recorded with the run and in its events", async () => {
    const folder = temporaryFolder();
    const holdOuts = twoHoldOuts();
    const accuracy = await tinyRun(folder, { holdOuts });
    expect(readJson(folder, "run.json").holdOuts).toEqual(
      holdOuts.map(({ name, classes, test }) => ({
        name,
        classes,
        template: "a {} photo.",
        testImages: test.length,
        fingerprint: test.fingerprint,
      })),
    );
    const evaluations = readEvents(folder).filter(({ kind }) => kind === "evaluation");
    const [zeroShot, ...rows] = evaluations.map(({ holdOuts }) => holdOuts as Record<string, number>);
    const named = ([shades, paints]: number[]) => ({ shades, paints });
    expect(zeroShot).toEqual(named(accuracy.holdOuts!.zeroShot!));
    expect(rows).toEqual(accuracy.holdOuts!.matrix.map(named));
  });

  it("leave no trace where there are none", async () => {
    const folder = temporaryFolder();
    expect(await tinyRun(folder, { holdOuts: [] })).not.toHaveProperty("holdOuts");
    expect(readJson(folder, "run.json")).not.toHaveProperty("holdOuts");
    await tinyRun(folder, { resume: true });
  });

  it("are not tested again after a task that changes nothing", async () => {
    const folder = temporaryFolder();
    const method = createMethod("zero-shot", {}, "x-tail");
    const { holdOuts } = await tinyRun(folder, { method, holdOuts: twoHoldOuts() });
    expect(holdOuts!.matrix).toEqual([holdOuts!.zeroShot, holdOuts!.zeroShot]);
    expect(readEvents(folder).filter(({ kind }) => kind === "evaluation")).toHaveLength(1);
  });

  it("take part in the progress of an evaluation", async () => {
    const seen: [number, number][] = [];
    const observer = { evaluated: (done: number, total: number) => void seen.push([done, total]) };
    const options = { ...tinyOptions, iterations: 1 };
    await tinyRun(temporaryFolder(), { options, holdOuts: twoHoldOuts(), observer });
    const once = [12, 20, 28, 40].map((done) => [done, 40]); // 12 and 8 images, then 8 and 12
    expect(seen).toEqual([...once, ...once, ...once]);
  });

  it("are resumed with the run, to the same bytes", async () => {
    const [folder, uninterrupted] = [temporaryFolder(), temporaryFolder()];
    const controller = new AbortController();
    const observer = { taskFinished: (index: number) => index === 0 && controller.abort() };
    const { signal } = controller;
    await expect(tinyRun(folder, { holdOuts: twoHoldOuts(), signal, observer })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(readJson(folder, "matrix.json").holdOuts.matrix).toHaveLength(1);
    await tinyRun(folder, { holdOuts: twoHoldOuts(), resume: true });
    await tinyRun(uninterrupted, { holdOuts: twoHoldOuts() });
    expect(bytes(folder, "matrix.json")).toBe(bytes(uninterrupted, "matrix.json"));
  });

  it("must be the same to resume a run", async () => {
    const folder = temporaryFolder();
    await tinyRun(folder, { holdOuts: twoHoldOuts() });
    const others: TestSet[][] = [[], twoHoldOuts().slice(1), twoHoldOuts().reverse()];
    for (const holdOuts of others) {
      await expect(tinyRun(folder, { holdOuts, resume: true })).rejects.toThrow(
        `${folder} holds a run that differs in holdOuts: expected the same to resume it.`,
      );
    }
  });

  it("may share classes with the stream, but no name", async () => {
    const warnings: string[] = [];
    const observer = { warn: (message: string) => void warnings.push(message) };
    const options = { ...tinyOptions, iterations: 1 };
    await tinyRun(temporaryFolder(), { options, holdOuts: twoHoldOuts(), observer });
    expect(warnings).toEqual([]);
    const folder = temporaryFolder();
    await expect(tinyRun(folder, { holdOuts: colourTasks().slice(1) })).rejects.toThrow(
      "run: expected tasks and hold-outs with distinct names, got 'greys' twice. A hold-out is never trained on:",
    );
  });
});
