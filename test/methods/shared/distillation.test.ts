import { describe, expect, it } from "vitest";
import { copyModel } from "../../../lib/clip/index.js";
import {
  distillationLoss,
  FeatureDistillation,
  softCrossEntropy,
} from "../../../lib/methods/shared/distillation.js";
import * as torch from "../../../lib/torch/index.js";
import { tinyClip } from "../../lora/models.js";
import { colourTasks } from "../tasks.js";

const row = (...values: number[]) => torch.tensor([values], { dtype: "float64" });

// Examples computed by hand: baseline specification, section 0.9.
describe("softCrossEntropy", () => {
  it("is T² times the cross-entropy of softened distributions", () => {
    expect(softCrossEntropy(row(2, 0), row(0, 2), 2).item()).toBeCloseTo(4.17728, 5);
    expect(softCrossEntropy(row(2, 0), row(2, 0), 2).item()).toBeCloseTo(2.32881, 5);
  });

  it("has no gradient where student and teacher agree", () => {
    const student = row(2, 0).requiresGrad_();
    softCrossEntropy(row(2, 0), student, 2).backward();
    expect(student.grad!.abs().max().item()).toBeLessThan(1e-15);
  });
});

it("distillationLoss adds the terms over texts and over images", () => {
  const teacher = torch.tensor([
    [2, 0],
    [4, 0],
  ]);
  const student = torch.tensor([
    [0, 0],
    [0, 2],
  ]);
  expect(distillationLoss(teacher, student, 2).item()).toBeCloseTo(3.77441 + 3.01282, 4);
});

describe("FeatureDistillation", () => {
  const options = { temperature: 2, batchSize: 4, stretched: true } as const;
  const texts = () =>
    torch.tensor(
      [
        [542, 5, 9, 543],
        [542, 7, 3, 543],
      ],
      { dtype: "int64" },
    );

  it("has no gradient while the student equals its teacher, and has one when it does not", () => {
    const student = tinyClip();
    const teacher = copyModel(student);
    student.requiresGrad_(true);
    using distillation = new FeatureDistillation({
      ...options,
      teacher,
      images: colourTasks()[0]!.train,
      texts: texts(),
      order: { seed: "a" },
    });
    const gradientSize = () => {
      for (const parameter of student.parameters()) parameter.grad = undefined;
      distillation.loss(student, 0).backward();
      return Math.max(...student.parameters().map(({ grad }) => grad?.abs().max().item() ?? 0));
    };
    expect(gradientSize()).toBeLessThan(1e-5);
    torch.noGrad(() => student.vision.encoder.blocks[0]!.mlp.fc1.weight.add_(0.05));
    expect(gradientSize()).toBeGreaterThan(1e-3);
    teacher.dispose();
  });

  it("sees the images in cycles of their order when asked to", () => {
    const student = tinyClip();
    const teacher = copyModel(student);
    const images = colourTasks()[1]!.train; // 12 images: three batches
    using cyclic = new FeatureDistillation({ ...options, teacher, images, texts: texts(), order: "cyclic" });
    torch.noGrad(() => student.vision.encoder.blocks[0]!.mlp.fc1.weight.add_(0.05));
    const losses = Array.from({ length: 6 }, (_, step) => cyclic.loss(student, step).item());
    expect(losses.slice(3)).toEqual(losses.slice(0, 3));
    expect(new Set(losses).size).toBe(3);
    teacher.dispose();
  });
});
