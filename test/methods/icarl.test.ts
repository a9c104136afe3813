import { expect, it } from "vitest";
import { centerCrop, type Task } from "../../lib/data/index.js";
import { createMethod, type RunContext } from "../../lib/methods/index.js";
import { Herding } from "../../lib/methods/shared/exemplars.js";
import { nn, type Tensor, tensor } from "../../lib/torch/index.js";
import { snapshot, tinyClip } from "../lora/models.js";
import { colourTasks, recordedContext } from "./tasks.js";

const training = { iterations: 2, batchSize: 9, learningRate: 1e-3, logEvery: 2 };

async function learn(name: string, options: Record<string, unknown>, overrides: Partial<RunContext> = {}) {
  const model = tinyClip();
  const method = createMethod(name, { ...training, ...options }, "x-tail");
  const contexts = colourTasks().map((_, taskIndex) => recordedContext(model, { taskIndex, ...overrides }));
  const tasks = colourTasks();
  await method.beginRun?.(contexts[0]!);
  try {
    for (const [t, context] of contexts.entries()) {
      await method.beginTask(tasks[t]!, context);
      await method.trainTask(tasks[t]!, context);
      await method.endTask(tasks[t]!, context);
    }
    const { tensors, data } = method.state();
    const kept = tensors.get("exemplars")?.clone();
    const exemplars = kept?.split(data.exemplars as number[], 0) ?? [];
    return {
      model,
      tasks,
      exemplars,
      weights: snapshot(model),
      events: contexts.map(({ events }) => events),
    };
  } finally {
    method.dispose?.();
  }
}

it("keeps the middle of the images that herding picks, each task the same number", async () => {
  const { model, tasks, exemplars, events } = await learn("icarl", { memory: 9 });
  expect(exemplars.map(({ shape }) => shape)).toEqual(Array(2).fill([4, 3, 32, 32]));
  const { train } = tasks[1] as Task; // the first was chosen with another model
  const middles = centerCrop(train.images, train.aspectRatios, 32);
  const features = nn.functional.normalize(model.encodeImage(model.preprocessing.normalise(middles)));
  const herding = new Herding(features);
  const picked = tensor(
    Array.from({ length: 4 }, () => herding.next()),
    { dtype: "int64" },
  );
  const wanted: Tensor = middles.indexSelect(0, picked).round().to({ dtype: "uint8" });
  expect(exemplars[1]!.equal(wanted)).toBe(true);
  const told = events.map((each) => each.find(({ kind }) => kind === "exemplars"));
  expect(told).toEqual([
    { kind: "exemplars", task: 0, dataset: "colours", added: 9, inMemory: 9 },
    { kind: "exemplars", task: 1, dataset: "greys", added: 4, inMemory: 8 },
  ]);
  const distilled = events.map((each) => each.filter(({ kind }) => kind === "distillation"));
  expect(distilled).toEqual([[], [{ kind: "distillation", task: 1, images: 9, texts: 2 }]]);
});

it("considers no more images than it may", async () => {
  const { exemplars, tasks } = await learn("icarl", { candidates: 5 });
  expect(exemplars.map((images) => images.size(0))).toEqual([5, 5]);
  const all = tasks[1]!.train.images.flatten(1).float();
  for (const image of exemplars[1]!.flatten(1).float().unbind(0)) {
    expect(all.sub(image).abs().amax([1]).min().item()).toBeLessThanOrEqual(1); // one of the task's, resized to the same size
  }
});

it("is fine-tuning where distillation has no weight, as in the published script", async () => {
  const options = { labelSmoothing: 0 };
  const { weights } = await learn("icarl", { ...options, distillationWeight: 0 });
  const { weights: plain } = await learn("finetune", options);
  const { weights: distilled } = await learn("icarl", options);
  const same = (others: typeof weights) =>
    Array.from(weights, ([key, weight]) => weight.equal(others.get(key)!));
  expect(same(plain).every(Boolean)).toBe(true);
  expect(same(distilled).every(Boolean)).toBe(false);
});

it("says how far the choice of exemplars is, and can be stopped in it", async () => {
  const seen: string[] = [];
  await learn(
    "icarl",
    { memory: 9 },
    { worked: (what, done, total) => void seen.push(`${what} ${done}/${total}`) },
  );
  expect(seen.slice(0, 11)).toEqual([
    "features of exemplars 1/1",
    ...Array.from({ length: 9 }, (_, i) => `choosing exemplars ${i + 1}/9`),
    "keeping exemplars 1/1",
  ]);
  for (const phase of ["features of exemplars", "choosing exemplars", "reference texts"]) {
    const controller = new AbortController();
    const attempt = learn(
      "icarl",
      { memory: 9 },
      { signal: controller.signal, worked: (what) => what === phase && controller.abort() },
    );
    await expect(attempt, phase).rejects.toMatchObject({ name: "AbortError" });
  }
});
