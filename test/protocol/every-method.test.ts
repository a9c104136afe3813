import { describe, expect, it } from "vitest";
import type { Task } from "../../lib/data/index.js";
import { createMethod } from "../../lib/methods/index.js";
import type { RunObserver, RunOptions } from "../../lib/protocol/index.js";
import { memoryStatistics } from "../../lib/torch/index.js";
import { tinyClip } from "../lora/models.js";
import { colourTasks } from "../methods/tasks.js";
import { everyVariant, tinyReference } from "./tiny-methods.js";
import { outcome, temporaryFolder, tinyRun } from "./tiny-run.js";

type Moment = "taskStarted" | "trained" | "worked" | "evaluated";

/** Stops a run at the first of these moments within a task. */
function stopAt(moment: Moment, task: number): Pick<RunOptions, "observer" | "signal"> {
  const controller = new AbortController();
  let current = -1;
  const reached = (now: Moment) => {
    if (now === moment && current === task) controller.abort();
  };
  const observer: RunObserver = {
    taskStarted(index) {
      current = index;
      reached("taskStarted");
    },
    trained: () => reached("trained"),
    worked: () => reached("worked"),
    evaluated: () => reached("evaluated"),
  };
  return { observer, signal: controller.signal };
}

describe.each(everyVariant)("%s %j", (name, options) => {
  const start = (directory: string, overrides: Partial<RunOptions> = {}) => {
    const { protocol = "x-tail", reference = tinyReference() } = overrides;
    const method = createMethod(name, options, protocol);
    return tinyRun(directory, { ...overrides, protocol, method, reference });
  };

  it.each(["x-tail", "mtil"] as const)(
    "learns two tasks in %s, and leaves nothing in memory",
    async (protocol) => {
      const given = fresh();
      const before = memoryStatistics();
      const [{ classes, templates, test }] = given.tasks as [Task];
      const holdOuts = [{ name: "never trained on", classes, templates, test }];
      const accuracy = await start(temporaryFolder(), { protocol, holdOuts, ...given });
      expectNoMore(before);
      expect(accuracy.matrix.map((row) => row.length)).toEqual([2, 2]);
      expect(accuracy.holdOuts?.matrix.map((row) => row.length)).toEqual([1, 1]);
      const values = [accuracy, accuracy.holdOuts!].flatMap(({ matrix, zeroShot }) => [...matrix, zeroShot!]);
      expect(values.flat().every((value) => value >= 0 && value <= 1)).toBe(true);
    },
  );

  it("ends in the same files for the same seed, also when it is stopped again and again", async () => {
    const [undisturbed, again, stopped] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
    const work = new Set<string>(); // beside training: autoencoders, exemplars, features, reference texts
    await start(undisturbed, { observer: { worked: (what) => void work.add(what) } });
    const wanted = outcome(undisturbed);
    await start(again);
    expect(outcome(again)).toEqual(wanted);

    const hasSteps = wanted.events.some(({ kind }) => kind === "step");
    const moments: Moment[] = [
      "taskStarted",
      ...(hasSteps ? (["trained"] as const) : []),
      ...(work.size > 0 ? (["worked"] as const) : []),
      "evaluated",
    ];
    const isTrained = name !== "zero-shot"; // which has nothing to stop
    for (const task of isTrained ? [0, 1] : []) {
      for (const moment of moments) {
        const given = fresh();
        const before = memoryStatistics();
        const attempt = start(stopped, { resume: true, ...given, ...stopAt(moment, task) });
        await expect(attempt, `${moment} ${task}`).rejects.toMatchObject({ name: "AbortError" });
        expectNoMore(before);
      }
    }
    await start(stopped, { resume: true });
    expect(outcome(stopped)).toEqual(wanted);
  });
});

function fresh() {
  const [model, tasks] = [tinyClip(), colourTasks()];
  model.preprocessing.normalise(tasks[0]!.test.images).dispose(); // keeps its constants from here on
  return { model, tasks, reference: tinyReference() };
}

function expectNoMore(before: ReturnType<typeof memoryStatistics>): void {
  const { liveTensors, liveBytes } = memoryStatistics();
  expect(liveTensors).toBeLessThanOrEqual(before.liveTensors); // less where garbage of earlier tests was collected
  expect(liveBytes).toBeLessThanOrEqual(before.liveBytes);
}
