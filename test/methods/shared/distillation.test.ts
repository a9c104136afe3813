import { describe, expect, it } from "vitest";
import { copyModel } from "../../../lib/clip/index.js";
import type { RunContext } from "../../../lib/methods/index.js";
import {
  distillationLoss,
  FeatureDistillation,
  softCrossEntropy,
} from "../../../lib/methods/shared/distillation.js";
import * as torch from "../../../lib/torch/index.js";
import { expectClose } from "../../clip/fixtures.js";
import { tinyClip } from "../../lora/models.js";
import { collectGarbage } from "../../torch/fixtures.js";
import { baseline, float } from "../fixtures.js";
import { colourTasks, recordedContext } from "../tasks.js";

const row = (...values: number[]) => torch.tensor([values], { dtype: "float64" });

// Examples computed by hand: docs/specification.md, section 3.2.
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

describe("distillationLoss", () => {
  it("agrees with its definition in PyTorch, term by term and in its gradient", () => {
    const { teacher, student, image, text, gradient } = baseline("distillation");
    const [a, b] = [float(teacher), float(student).requiresGrad_()];
    expectClose(softCrossEntropy(a, b, 2), float(image));
    expectClose(softCrossEntropy(a.t(), b.t(), 2), float(text));
    distillationLoss(a, b, 2).backward();
    expectClose(b.grad!, float(gradient));
  });
});

describe("FeatureDistillation", () => {
  const context = () => recordedContext(undefined as never);
  const options = { temperature: 2, batchSize: 4, stretched: true } as const;
  const texts = () =>
    torch.tensor(
      [
        [542, 5, 9, 543],
        [542, 7, 3, 543],
      ],
      { dtype: "int64" },
    );

  it("has no gradient while the student equals its teacher, and has one when it does not", async () => {
    const student = tinyClip();
    const teacher = copyModel(student);
    student.requiresGrad_(true);
    using distillation = await FeatureDistillation.prepare(
      { ...options, teacher, images: colourTasks()[0]!.train, texts: texts(), order: { seed: "a" } },
      context(),
    );
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

  it("sees the images in cycles of their order when asked to", async () => {
    const student = tinyClip();
    const teacher = copyModel(student);
    const images = colourTasks()[1]!.train; // 12 images: three batches
    using cyclic = await FeatureDistillation.prepare(
      { ...options, teacher, images, texts: texts(), order: "cyclic" },
      context(),
    );
    torch.noGrad(() => student.vision.encoder.blocks[0]!.mlp.fc1.weight.add_(0.05));
    const losses = Array.from({ length: 6 }, (_, step) => cyclic.loss(student, step).item());
    expect(losses.slice(3)).toEqual(losses.slice(0, 3));
    expect(new Set(losses).size).toBe(3);
    teacher.dispose();
  });

  it("says how far the reference texts are, can be stopped there, and then releases what it owns", async () => {
    const teacher = copyModel(tinyClip());
    const images = colourTasks()[0]!.train;
    const many = torch.tensor(
      Array.from({ length: 300 }, (_, i) => [542, i, 543]),
      { dtype: "int64" },
    );
    await collectGarbage();
    const before = torch.memoryStatistics();
    const prepare = (overrides: Partial<RunContext>) =>
      FeatureDistillation.prepare(
        { ...options, teacher, images, texts: many, order: "cyclic", owned: [copyModel(teacher)] },
        { ...context(), ...overrides },
      );
    const seen: [string, number, number][] = [];
    const events: unknown[] = [];
    const distillation = await prepare({
      worked: (...progress) => seen.push(progress),
      log: (event) => events.push(event),
    });
    expect(seen).toEqual([
      ["reference texts", 1, 2],
      ["reference texts", 2, 2],
    ]);
    expect(events).toEqual([{ kind: "distillation", task: 0, images: 18, texts: 300 }]);
    distillation.dispose();
    const controller = new AbortController();
    const attempt = prepare({ signal: controller.signal, worked: () => controller.abort() });
    await expect(attempt).rejects.toMatchObject({ name: "AbortError" });
    expect(torch.memoryStatistics()).toEqual(before);
    teacher.dispose();
  });
});
