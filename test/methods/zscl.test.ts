import { expect, it } from "vitest";
import { imageSetFromArrays } from "../../lib/data/index.js";
import { contrastiveLoss, createMethod } from "../../lib/methods/index.js";
import { FeatureDistillation } from "../../lib/methods/shared/distillation.js";
import { WeightSnapshot } from "../../lib/methods/shared/weights.js";
import { nn, noGrad, stack, tensor } from "../../lib/torch/index.js";
import { expectClose } from "../clip/fixtures.js";
import { snapshot, tinyClip } from "../lora/models.js";
import { tinyReference } from "../protocol/tiny-methods.js";
import { baseline, float, smoothImages } from "./fixtures.js";
import { colourTasks, recordedContext } from "./tasks.js";

it("an iteration's losses and gradients agree with transformers and PyTorch", async () => {
  const { prompts, captions, labels, supervised, distilled, consolidation, gradients } = baseline("zscl");
  const changed = (share: number) => {
    const model = tinyClip();
    noGrad(() => {
      for (const weight of model.parameters())
        if (weight !== model.logitScale) weight.add_(weight.cos(), { alpha: share });
    });
    return model;
  };
  const [teacher, anchored, student] = [tinyClip(), changed(0.01), changed(0.02)];
  const images = imageSetFromArrays({ images: smoothImages(5, 32), labels: new Int32Array(5) }, 32);
  student.requiresGrad_(true);
  const ids = (rows: number[]) => tensor(rows, { dtype: "int64" });
  const unit = nn.functional.normalize;

  const imageFeatures = unit(student.encodeImage(student.preprocessing.normalise(images.images)));
  const textFeatures = unit(student.encodeText(ids(prompts)));
  const cross = contrastiveLoss(imageFeatures, textFeatures, ids(labels), student.logitScale.exp(), {
    loss: "image-to-text",
    labelSmoothing: 0.2,
  });
  const distillation = await FeatureDistillation.prepare(
    {
      teacher,
      images,
      stretched: false,
      texts: ids(captions),
      temperature: 2,
      batchSize: 8,
      order: "cyclic",
    },
    recordedContext(student),
  );
  const distance = new WeightSnapshot(anchored);
  const [both, squared] = [distillation.loss(student, 0), distance.squaredDistance(student)];
  cross.add(both).add(squared).backward();

  expectClose(cross, float(supervised));
  expectClose(both, float(distilled));
  expectClose(squared, float(consolidation));
  const parameters = new Map(student.namedParameters());
  for (const [name, gradient] of Object.entries(gradients)) {
    // Gradients of up to 100: the loss is a hundred times a cosine.
    expectClose(parameters.get(name)!.grad!, float(gradient as number[]), {
      rtol: 1e-4,
      atol: 1e-4,
      what: name,
    });
  }
  for (const each of [distillation, distance, images]) each.dispose();
});

/** Trains on one task. @returns the weights before it, those after every iteration, and what it ends with */
async function learn(options: Record<string, unknown>) {
  const model = tinyClip();
  const method = createMethod(
    "zscl",
    { batchSize: 4, learningRate: 1e-3, logEvery: 1, ...options },
    "x-tail",
  );
  const path: Map<number, ReturnType<typeof snapshot>> = new Map();
  const wanted = [0, 100, 200, 300, 400, 499];
  const context = recordedContext(model, {
    reference: tinyReference(),
    progress: (done) => wanted.includes(done - 1) && void path.set(done - 1, snapshot(model)),
  });
  const [task] = colourTasks();
  const start = snapshot(model);
  await method.beginRun?.(context);
  await method.beginTask(task!, context);
  await method.trainTask(task!, context);
  await method.endTask(task!, context);
  method.dispose?.();
  return { start, path, end: snapshot(model) };
}

it("500 iterations end in the plain mean of 7 checkpoints: the start and 6 on the way", async () => {
  const { start, path, end } = await learn({ iterations: 500 });
  // The published code makes iteration 500 too, at a rate of zero: what it ends with is there after iteration
  // 499.
  const checkpoints = [start, ...path.values()];
  expect(checkpoints).toHaveLength(7);
  for (const [name, weight] of end) {
    const mean = stack(checkpoints.map((weights) => weights.get(name)!)).mean([0]);
    expectClose(weight, mean, { rtol: 1e-5, atol: 1e-6, what: name });
  }
  const key = "vision_model.encoder.layers.0.mlp.fc1.weight";
  expect(end.get(key)!.sub(path.get(499)!.get(key)!).abs().max().item()).toBeGreaterThan(1e-3);
});

it("can keep the average near the weights before the task, or do without it", async () => {
  const options = { iterations: 4, warmup: 0, ensembleEvery: 3 };
  const key = "vision_model.encoder.layers.0.mlp.fc1.weight";
  const [plain, kept, none] = [
    await learn(options),
    await learn({ ...options, ensembleAlpha: 0 }),
    await learn({ ...options, ensembleEvery: null }),
  ];
  expect(kept.end.get(key)!.equal(kept.start.get(key)!)).toBe(true);
  expect(plain.end.get(key)!.equal(plain.start.get(key)!)).toBe(false);
  expect(none.end.get(key)!.equal(plain.end.get(key)!)).toBe(false);
});

it("asks for reference data before it begins", () => {
  const method = createMethod("zscl", {}, "x-tail");
  expect(() => method.beginRun?.(recordedContext(tinyClip()))).toThrow(
    "zscl: expected reference images and texts to distil on, got none.",
  );
});
