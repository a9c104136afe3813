import { expect, it } from "vitest";
import type { Task } from "../../lib/data/index.js";
import { createMethod } from "../../lib/methods/index.js";
import { snapshot, tinyClip } from "../lora/models.js";
import { everyMethod, tinyReference } from "../protocol/tiny-methods.js";
import { colourTasks, recordedContext } from "./tasks.js";

const tiny = Object.fromEntries(everyMethod);
const accumulate = { accumulate: 4 };
const checkpointing = { checkpointing: true };
const cases: [method: string, ...savings: object[]][] = [
  ["codyra", accumulate, checkpointing, { ...accumulate, ...checkpointing }],
  ["zscl", accumulate, checkpointing],
  ["keeplora", accumulate, checkpointing, { ...accumulate, ...checkpointing }],
  ["statra", accumulate, checkpointing, { ...accumulate, ...checkpointing }],
  ["moe-adapter", checkpointing], // its noise is drawn part by part, so that it differs with `accumulate`
];

it.each(cases)("%s learns the same with less memory", async (name, ...savings) => {
  const learn = async (added: object) => {
    const model = tinyClip();
    // AdamW divides by gradients that are almost zero: a larger epsilon keeps differences of rounding small.
    const calm = { ...tiny[name], learningRate: 1e-3, eps: 1e-3, ...added };
    const method = createMethod(name, calm, "x-tail");
    const [first, second] = colourTasks() as [Task, Task];
    const contexts = [{}, { taskIndex: 1, learned: [first] }].map((about) =>
      recordedContext(model, { reference: tinyReference(), ...about }),
    );
    await method.beginRun?.(contexts[0]!);
    for (const [t, task] of [first, second].entries()) {
      await method.beginTask(task, contexts[t]!);
      await method.trainTask(task, contexts[t]!);
      await method.endTask(task, contexts[t]!);
    }
    method.dispose?.();
    const losses = contexts.flatMap(({ events }) => events.flatMap(({ loss }) => (loss as number) ?? []));
    return { losses, weights: snapshot(model) };
  };
  const wanted = await learn({});
  for (const added of savings) {
    const { losses, weights } = await learn(added);
    for (const [i, loss] of losses.entries()) expect(loss).toBeCloseTo(wanted.losses[i]!, 4);
    for (const [key, weight] of weights) {
      const difference = weight.sub(wanted.weights.get(key)!).abs().max().item();
      expect(difference, `${key} with ${JSON.stringify(added)}`).toBeLessThan(1e-5);
    }
  }
});
