import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { RunEvent } from "../../../lib/methods/index.js";
import { RunBoard } from "../../../lib/report/index.js";
import { temporaryFolder, tinyOptions, tinyRun } from "../../protocol/tiny-run.js";
import { type ReadEvent, readEventFile } from "./records.js";

/** The events of every file of a directory, file by file. */
function readBoard(directory: string): ReadEvent[][] {
  const files = readdirSync(directory).sort();
  return files.map((name) => readEventFile(join(directory, name)));
}

/** Step and value of every point of a curve. */
function curve(events: readonly ReadEvent[], tag: string): [step: number, value: number][] {
  return events.flatMap(({ step, scalars }) =>
    scalars?.[tag] === undefined ? [] : [[step, scalars[tag]] as [number, number]],
  );
}

it("writes curves over the iterations of all tasks", async () => {
  const [run, directory] = [temporaryFolder(), join(temporaryFolder(), "tiny")];
  const board = new RunBoard(directory, tinyOptions.iterations);
  const logged: RunEvent[] = [];
  const accuracy = await tinyRun(run, {
    observer: {
      logged(event) {
        logged.push(event);
        board.log(event);
      },
    },
  });
  const [events = [], ...others] = readBoard(directory);
  expect(others).toEqual([]);
  expect(events[0]).toEqual({ step: 0, fileVersion: "brain.Event:2" });
  expect(events[1]).toEqual({ step: 0, isRestart: true });

  const losses = logged.filter(({ kind }) => kind === "step").map(({ loss }) => Math.fround(loss as number));
  expect(curve(events, "train/loss")).toEqual([2, 4, 6, 8].map((step, i) => [step, losses[i]]));
  expect(curve(events, "train/kappa").at(-1)).toEqual([8, Math.fround(tinyOptions.kappaMax)]);
  for (const tag of ["train/learningRate", "train/activeRanks", "train/imagesPerSecond"]) {
    expect(curve(events, tag).map(([step]) => step)).toEqual([2, 4, 6, 8]);
  }
  accuracy.datasets.forEach((name, j) => {
    const column = [accuracy.zeroShot!, ...accuracy.matrix].map((row) => Math.fround(row[j]!));
    expect(curve(events, `accuracy/${name}`)).toEqual([0, 4, 8].map((step, i) => [step, column[i]]));
  });
  const memory = curve(events, "memory/residentBytes");
  expect(memory.map(([step]) => step)).toEqual([0, 2, 4, 4, 6, 8, 8]);
  for (const [, bytes] of memory) expect(bytes).toBeGreaterThan(1e7);
});

it("goes on in a second file, from the task that was interrupted", async () => {
  const [run, directory] = [temporaryFolder(), temporaryFolder()];
  const controller = new AbortController();
  const attempt = (overrides = {}, stopAfter = Number.POSITIVE_INFINITY) => {
    const board = new RunBoard(directory, tinyOptions.iterations);
    const logged = (event: RunEvent): void => {
      board.log(event);
      if (event.task === 1 && event.step === stopAfter) controller.abort();
    };
    return tinyRun(run, { observer: { logged }, ...overrides });
  };
  await expect(attempt({ signal: controller.signal }, 2)).rejects.toMatchObject({ name: "AbortError" });
  await attempt({ resume: true });

  const [first = [], second = []] = readBoard(directory);
  const steps = (events: readonly ReadEvent[]) => curve(events, "train/loss").map(([step]) => step);
  expect(steps(first)).toEqual([2, 4, 6]);
  expect(second[1]).toEqual({ step: 5, isRestart: true }); // what is known of iterations 1 to 4 stays
  expect(steps(second)).toEqual([6, 8]);
  expect(curve(second, "accuracy/greys").map(([step]) => step)).toEqual([8]);
});

it("makes no file where the run is not accepted, and none for a finished one", async () => {
  const [run, directory] = [temporaryFolder(), temporaryFolder()];
  await tinyRun(run);
  const board = new RunBoard(directory, tinyOptions.iterations);
  const observer = { logged: (event: RunEvent) => board.log(event) };
  await expect(tinyRun(run, { observer })).rejects.toThrow("holds a run already");
  await tinyRun(run, { observer, resume: true });
  expect(readdirSync(directory)).toEqual([]);
});

it("only evaluates a task that was trained before the interruption, and leaves its curve as it is", () => {
  const directory = temporaryFolder();
  const board = new RunBoard(directory, 10);
  board.log({ kind: "memory", task: -1, phase: "load" });
  board.log({
    kind: "evaluation",
    task: 2,
    accuracy: { dtd: 0.5 },
    holdOuts: { cifar100: 0.25 },
    seconds: 1,
  });
  const [[, event] = []] = readBoard(directory);
  expect(event).toEqual({
    step: 30,
    scalars: { "accuracy/dtd": 0.5, "holdOuts/cifar100": 0.25, "memory/residentBytes": expect.any(Number) },
  });
});

it("says at once that the directory cannot be made", () => {
  const path = join(temporaryFolder(), "file");
  writeFileSync(path, "");
  expect(() => new RunBoard(join(path, "run"), 1)).toThrow(/ENOTDIR/);
});
