import { expect, it } from "vitest";
import { createMethod } from "../../lib/methods/index.js";
import type { Tensor } from "../../lib/torch/index.js";
import { expectClose } from "../clip/fixtures.js";
import { snapshot, tinyClip } from "../lora/models.js";
import { colourTasks, recordedContext } from "./tasks.js";

const options = { iterations: 6, batchSize: 9, learningRate: 1e-3, logEvery: 6 };

/** The weights before the stream, after the first and after the second task. */
async function learn(name: string, extra: Record<string, unknown> = {}) {
  const model = tinyClip();
  const stages = [snapshot(model)];
  const method = createMethod(name, { ...options, ...extra }, "x-tail");
  await method.beginRun?.(recordedContext(model));
  for (const [taskIndex, task] of colourTasks().entries()) {
    const context = recordedContext(model, { taskIndex });
    await method.beginTask(task, context);
    await method.trainTask(task, context);
    await method.endTask(task, context);
    stages.push(snapshot(model));
  }
  method.dispose?.();
  return stages as [Weights, Weights, Weights];
}

type Weights = ReadonlyMap<string, Tensor>;

function expectSame(actual: Weights, expected: Weights): void {
  for (const [name, weight] of actual) expect(weight.equal(expected.get(name)!), name).toBe(true);
}

it("ends at its end points: α = 0 keeps the weights before the task, α = 1 is fine-tuning", async () => {
  const [start, , kept] = await learn("wise-ft", { alpha: 0 });
  expectSame(kept, start);
  const [, , tuned] = await learn("wise-ft", { alpha: 1 });
  const [, , plain] = await learn("finetune");
  expectSame(tuned, plain);
  const key = "vision_model.encoder.layers.0.mlp.fc1.weight";
  expect(tuned.get(key)!.equal(start.get(key)!)).toBe(false);
});

it("interpolates between them after the first task", async () => {
  const [start, merged] = await learn("wise-ft", { alpha: 0.8 });
  const [, tuned] = await learn("finetune");
  for (const [name, weight] of merged) {
    const expected = tuned.get(name)!.mul(0.8).add(start.get(name)!.mul(0.2));
    expectClose(weight, expected, { rtol: 1e-5, atol: 1e-6 });
  }
});

it("goes back towards the pre-trained weights where they are the partner", async () => {
  const [start, , back] = await learn("wise-ft", { alpha: 0, partner: "zero-shot" });
  expectSame(back, start);
  const [, , previous] = await learn("wise-ft", { alpha: 0.5 });
  const [, , zeroShot] = await learn("wise-ft", { alpha: 0.5, partner: "zero-shot" });
  const key = "vision_model.encoder.layers.0.mlp.fc1.weight";
  const distance = (weights: Weights) => weights.get(key)!.sub(start.get(key)!).square().sum().item();
  expect(distance(zeroShot)).toBeLessThan(distance(previous));
});
