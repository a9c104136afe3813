import { expect, it } from "vitest";
import type { DualEncoder } from "../../../lib/clip/index.js";
import { WeightSnapshot } from "../../../lib/methods/shared/weights.js";
import { noGrad, type Tensor } from "../../../lib/torch/index.js";
import { expectClose } from "../../clip/fixtures.js";
import { tinyClip } from "../../lora/models.js";

const weightsOf = (model: DualEncoder): Tensor[] => model.parameters().filter((w) => w !== model.logitScale);
const setAll = (model: DualEncoder, value: number): void =>
  noGrad(() => {
    for (const weight of weightsOf(model)) weight.fill_(value);
  });
const expectAll = (model: DualEncoder, value: number): void => {
  for (const weight of weightsOf(model)) expectClose(weight, weight.detach().mul(0).add(value));
};

it("interpolates: two tasks that each learn +1 end at 0.8 and 1.6", () => {
  const model = tinyClip();
  const scale = model.logitScale.item();
  setAll(model, 0);
  for (const [learned, merged] of [
    [1, 0.8],
    [1.8, 1.6],
  ] as const) {
    const before = new WeightSnapshot(model);
    setAll(model, learned);
    before.interpolate(model, 0.8);
    before.dispose();
    expectAll(model, merged);
  }
  expect(model.logitScale.item()).toBe(scale);
});

it("averages as in the example of docs/specification.md, section 3.4: start 0, then 1, 2, 3", () => {
  const model = tinyClip();
  setAll(model, 0);
  const average = new WeightSnapshot(model);
  for (const [snapshot, mean] of [
    [1, 0.5],
    [2, 1],
    [3, 1.5],
  ] as const) {
    setAll(model, snapshot);
    average.average(model, 1 / (snapshot + 1));
    average.restore(model);
    expectAll(model, mean);
  }
  average.dispose();
});

it("pulls a snapshot towards another", () => {
  const model = tinyClip();
  const [start, average] = [2, 12].map((value) => {
    setAll(model, value);
    return new WeightSnapshot(model);
  }) as [WeightSnapshot, WeightSnapshot];
  average.pull(start, 0.9);
  average.restore(model);
  expectAll(model, 11);
  for (const each of [start, average]) each.dispose();
});

it("averages: with shares 1/2, 1/3, 1/4 the snapshot is the mean of all weights so far", () => {
  const model = tinyClip();
  setAll(model, 1);
  const average = new WeightSnapshot(model);
  [5, 6, 8].forEach((value, i) => {
    setAll(model, value);
    average.average(model, 1 / (i + 2));
  });
  average.restore(model);
  expectAll(model, (1 + 5 + 6 + 8) / 4);
  average.dispose();
});

it("consolidates: the squared distance and its gradient 2 (θ − θ')", () => {
  const model = tinyClip();
  setAll(model, 1);
  const anchor = new WeightSnapshot(model);
  setAll(model, 1.5);
  const weights = weightsOf(model);
  for (const weight of weights) weight.requiresGrad_(true);
  const distance = anchor.squaredDistance(model);
  const count = weights.reduce((sum, weight) => sum + weight.numel(), 0);
  expect(distance.item() / (0.25 * count)).toBeCloseTo(1, 5);
  distance.backward();
  for (const weight of weights) expectClose(weight.grad!, weight.detach().mul(0).add(1));
  anchor.dispose();
});

it("consolidates as in the example of docs/specification.md, section 3.4", () => {
  const model = tinyClip();
  const bias = model.vision.encoder.blocks[0]!.mlp.fc2.bias!;
  noGrad(() => bias.fill_(1));
  const anchor = new WeightSnapshot(model);
  noGrad(() => {
    bias.select(0, 1).fill_(2);
    bias.select(0, 2).fill_(3);
  });
  bias.requiresGrad_(true);
  const distance = anchor.squaredDistance(model);
  distance.backward();
  expect(distance.item()).toBe(5);
  expect((bias.grad!.toArray() as number[]).slice(0, 3)).toEqual([0, 2, 4]);
  anchor.dispose();
});
