import { expect, it } from "vitest";
import type { TaskGuard } from "../../lib/protocol/index.js";
import type { GuardRecord } from "../../lib/records/index.js";
import { readGuardRecord } from "../../lib/records/index.js";
import { readEvents, readJson, temporaryFolder, tinyRun } from "./tiny-run.js";

/** A guard that breaks a limit after the second task. */
function guardOf(): { guard: TaskGuard; calls: () => number } {
  let calls = 0;
  const guard: TaskGuard = async (_model, { onStep }) => {
    onStep("accuracy of the new model");
    const isBroken = ++calls === 2;
    const measures = [
      { kind: "accuracy", name: "colours", before: 0.5, after: isBroken ? 0.25 : 0.5, limit: 0.01, isBroken },
      { kind: "size", name: "weights", before: 4e6, after: 4e6, isBroken: false },
    ] as const;
    return { measures, isBroken };
  };
  return { guard, calls: () => calls };
}

it("is asked after every task; one that breaks a limit is kept, recorded and told", async () => {
  const directory = temporaryFolder();
  const told: [number, GuardRecord][] = [];
  const steps: string[] = [];
  const observer = {
    guarded: (task: number, found: GuardRecord) => void told.push([task, found]),
    guarding: (what: string) => void steps.push(what),
  };
  const { guard } = guardOf();
  const accuracy = await tinyRun(directory, { guard, observer });
  expect(accuracy.matrix).toHaveLength(2);
  expect(steps).toHaveLength(2);
  expect(told.map(([task, { dataset, isBroken }]) => [task, dataset, isBroken])).toEqual([
    [0, "colours", false],
    [1, "greys", true],
  ]);
  for (const [task, found] of told)
    expect(readGuardRecord(directory, task)).toEqual({ formatVersion: 1, ...found });
  expect(readGuardRecord(directory, 2)).toBeUndefined();
  expect(readEvents(directory).filter(({ kind }) => kind === "guard")).toEqual([
    { kind: "guard", task: 0, dataset: "colours", isBroken: false },
    { kind: "guard", task: 1, dataset: "greys", isBroken: true, broken: "accuracy colours" },
  ]);
});

it("changes nothing else in a run, and stands once where it was stopped and resumed", async () => {
  const [plain, guarded] = [temporaryFolder(), temporaryFolder()];
  await tinyRun(plain);
  const controller = new AbortController();
  const stopping: TaskGuard = async () => {
    controller.abort();
    throw controller.signal.reason;
  };
  const attempt = tinyRun(guarded, { guard: stopping, signal: controller.signal });
  await expect(attempt).rejects.toMatchObject({ name: "AbortError" });
  const { guard, calls } = guardOf();
  await tinyRun(guarded, { guard, resume: true });
  expect(calls()).toBe(2);
  expect(readJson(guarded, "matrix.json")).toEqual(readJson(plain, "matrix.json"));
  const events = readEvents(guarded).filter(({ kind }) => kind !== "guard");
  expect(events).toEqual(readEvents(plain));
  expect(readEvents(guarded)).toHaveLength(events.length + 2);
});
