import { describe, expect, it } from "vitest";
import { pretrain } from "../../lib/clip/index.js";
import { generator, randint, unscoped } from "../../lib/torch/index.js";
import { tinyClip } from "../lora/models.js";

const captions = [
  "a red car",
  "the sea",
  "a photo of two dogs in the snow.",
  "cat",
  "nine",
  "an old tree by the road",
];
const options = {
  iterations: 40,
  batchSize: 6,
  learningRate: 5e-3,
  warmup: 5,
  weightDecay: 0.1,
  betas: [0.9, 0.98],
  maxLogitScale: 100,
  maxGradientNorm: 1,
  seed: 3,
} as const;

async function train(given: Partial<Parameters<typeof pretrain>[3]> = {}) {
  const model = tinyClip();
  const images = unscoped(() => randint(256, [6, 3, 32, 32], { dtype: "uint8", generator: generator(1) }));
  const losses: number[] = [];
  try {
    const onProgress = (_iteration: number, loss: number) => losses.push(loss);
    await pretrain(model, images, captions, { ...options, reportEvery: 1, onProgress, ...given });
  } finally {
    images.dispose();
  }
  return { model, losses };
}

describe("pretrain", () => {
  it("learns which caption belongs to which image", async () => {
    const { model, losses } = await train();
    expect(losses).toHaveLength(40);
    expect(losses[0]).toBeGreaterThan(1); // ln 6 = 1.79 where nothing is known
    expect(losses.at(-1)).toBeLessThan(0.2);
    expect(model.parameters().some((parameter) => parameter.requiresGrad)).toBe(false);
  });

  it("is the same for the same seed, and takes the batches of another one otherwise", async () => {
    const few = { iterations: 4, warmup: 2, batchSize: 3 };
    const [first, second, other] = [await train(few), await train(few), await train({ ...few, seed: 4 })];
    expect(second.losses).toEqual(first.losses);
    expect(other.losses).not.toEqual(first.losses);
  });

  it("takes the option names of earlier versions", async () => {
    const { iterations: steps, warmup: warmupSteps, ...rest } = { ...options, iterations: 2, warmup: 1 };
    const images = unscoped(() => randint(256, [6, 3, 32, 32], { dtype: "uint8", generator: generator(1) }));
    const reported: number[] = [];
    const onProgress = (iteration: number) => reported.push(iteration);
    await pretrain(tinyClip(), images, captions, { ...rest, steps, warmupSteps, reportEvery: 1, onProgress });
    images.dispose();
    expect(reported).toEqual([1, 2]);
  });

  it("keeps the logit scale below its bound", async () => {
    const { model } = await train({ iterations: 3, warmup: 1, maxLogitScale: 5 });
    expect(Math.exp(model.logitScale.item() as number)).toBeLessThanOrEqual(5 + 1e-5);
  });

  it("stops when the loss is no number", async () => {
    await expect(train({ learningRate: 1e30, maxGradientNorm: 1e30, warmup: 0 })).rejects.toThrow(
      /The pre-training loss is NaN at iteration \d+\. Lower the learning rate\./,
    );
  });
});
