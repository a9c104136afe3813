import { expect, it } from "vitest";
import type { Task } from "../../lib/data/index.js";
import { createMethod } from "../../lib/methods/index.js";
import { tinyClip } from "../lora/models.js";
import { colourTasks, recordedContext } from "./tasks.js";

const training = { iterations: 3, batchSize: 9, rank: 2, learningRate: 0.01, logEvery: 3 };
const everyRankDies = { ...training, kappaMax: 1000, denseRatio: 0 };

/** Scores over both tasks' classes for the test images of both, after each task. */
async function scoresOf(name: string, options: Record<string, unknown>) {
  const model = tinyClip();
  const method = createMethod(name, options, "x-tail");
  const tasks = colourTasks();
  await method.beginRun?.(recordedContext(model));
  const seen: number[][][] = [];
  for (const [taskIndex, task] of tasks.entries()) {
    const context = recordedContext(model, { taskIndex });
    await method.beginTask(task, context);
    await method.trainTask(task, context);
    await method.endTask(task, context);
    const classify = method.classifier({ groups: tasks }, context);
    for (const { test } of tasks as Task[]) {
      seen.push(classify(model.preprocessing.normalise(test.images)).toArray() as number[][]);
    }
  }
  method.dispose?.();
  return seen;
}

it.each([
  ["rail-primal", { hiddenDim: 30 }],
  ["rail-dual", {}],
] as const)(
  "codyra+%s is plain RAIL, bit for bit, where no rank survives, and is not where some do",
  async (head, rail) => {
    const plain = await scoresOf(head, rail);
    for (const features of ["current", "frozen"]) {
      expect(await scoresOf(`codyra+${head}`, { ...everyRankDies, rail, features })).toEqual(plain);
      expect(await scoresOf(`codyra+${head}`, { ...training, rail, features })).not.toEqual(plain);
    }
  },
);
