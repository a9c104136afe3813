import { describe, expect, it } from "vitest";
import { Preprocessing } from "../../../lib/clip/index.js";
import {
  BatchSampler,
  evaluationBatches,
  Random,
  resamplingTolerance,
  TrainingBatches,
  taskFromArrays,
} from "../../../lib/data/index.js";
import * as torch from "../../../lib/torch/index.js";

describe("BatchSampler", () => {
  const sampler = new BatchSampler(10, { batchSize: 4, seed: 3 });
  const epoch = (number: number) => [0, 1, 2].map((step) => sampler.at(number * 3 + step));

  it("sees every example once an epoch and keeps the last short batch", () => {
    expect(epoch(0).map((batch) => batch.length)).toEqual([4, 4, 2]);
    for (const number of [0, 1, 7]) {
      expect(epoch(number).flat().sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
    expect(epoch(0)).not.toEqual(epoch(1));
  });

  it("gives any step without those before it", () => {
    const inOrder = Array.from({ length: 9 }, (_, step) => sampler.at(step));
    expect(new BatchSampler(10, { batchSize: 4, seed: 3 }).at(7)).toEqual(inOrder[7]);
    expect(sampler.at(2)).toEqual(inOrder[2]);
    expect(new BatchSampler(10, { batchSize: 4, seed: 4 }).at(7)).not.toEqual(inOrder[7]);
  });

  it("leaves a last short batch out where that is wanted, unless it is the only one", () => {
    const dropping = new BatchSampler(10, { batchSize: 4, seed: 3, dropLast: true });
    expect([0, 1, 2, 3].map((step) => dropping.at(step).length)).toEqual([4, 4, 4, 4]);
    expect(dropping.at(2)).toEqual(epoch(1)[0]);
    const short = new BatchSampler(3, { batchSize: 4, seed: 3, dropLast: true });
    expect([0, 1].map((step) => short.at(step).length)).toEqual([3, 3]);
  });

  it("refuses nothing to sample from", () => {
    expect(() => new BatchSampler(0, { batchSize: 4, seed: 0 })).toThrow(/got 0 and 4/);
    expect(() => new BatchSampler(4, { batchSize: 0, seed: 0 })).toThrow(/got 4 and 0/);
  });
});

describe("batches of a task", () => {
  const size = 8;
  // Every image has one value all over, ten times its label, so that a batch shows where each of its images
  // came from.
  const arrays = (labels: number[]) => ({
    images: Uint8Array.from(
      { length: labels.length * size * size * 3 },
      (_, i) => 10 * labels[Math.floor(i / (size * size * 3))]!,
    ),
    labels: Int32Array.from(labels),
  });
  const classes = ["zero", "one", "two", "three", "four"];
  const task = taskFromArrays({
    name: "numbers",
    classes,
    templates: ["a {}."],
    size,
    train: arrays([0, 1, 2, 3, 4, 4, 3]),
    test: arrays([4, 0, 2]),
  });
  const preprocessing = new Preprocessing({ size, cropSize: size, mean: [0.5, 0, 0], std: [0.5, 1, 2] });

  it("takes the middle of an image, as in tests, where that is wanted", () => {
    const batches = new TrainingBatches(task.train, { batchSize: 7, seed: 1, preprocessing, crop: "center" });
    const { pixels, labels } = batches.at(0);
    const values = (labels.toArray() as bigint[]).map((label) => (10 * Number(label)) / 255);
    const channel = pixels.select(1, 1).flatten(1); // mean 0, deviation 1
    for (const [i, value] of values.entries()) {
      expect(channel.select(0, i).max().item()).toBeCloseTo(value, 5);
      expect(channel.select(0, i).min().item()).toBeCloseTo(value, 5);
    }
  });

  it("cuts the same box out of an image whenever it comes, where that is wanted", () => {
    const noise = (random: Random) =>
      Uint8Array.from({ length: 3 * size * size * 3 }, () => random.uniform(0, 255));
    const images = { images: noise(new Random("noise")), labels: Int32Array.from([0, 1, 2]) };
    const noisy = taskFromArrays({
      name: "noise",
      classes: ["a", "b", "c"],
      templates: ["{}"],
      size,
      train: images,
      test: images,
    });
    /** The crops of each image in four epochs, of batches of two and of one. */
    const cropsOf = (isFixed: boolean, seed = 1) => {
      const batches = new TrainingBatches(noisy.train, {
        batchSize: 2,
        seed,
        preprocessing,
        crop: { scale: [0.3, 0.9], isFixed },
      });
      const crops: torch.Tensor[][] = [[], [], []];
      for (let step = 0; step < 8; step++) {
        const { pixels, labels } = batches.at(step);
        for (const [row, label] of (labels.toArray() as bigint[]).entries())
          crops[Number(label)]!.push(pixels.select(0, row));
      }
      return crops;
    };
    const distance = (a?: torch.Tensor, b?: torch.Tensor): number => a!.sub(b!).abs().max().item() as number;
    // In levels of 255, of boxes no larger than the crop; normalising divides by std ≥ ½ and rounds three
    // times.
    const tolerance = (resamplingTolerance(1) / 255 + 3 * 2 ** -24) / 0.5;
    const [fixed, fresh, otherSeed] = [cropsOf(true), cropsOf(false), cropsOf(true, 2)];
    for (const [image, crops] of fixed.entries()) {
      expect(crops).toHaveLength(4);
      for (const crop of crops) expect(distance(crop, crops[0])).toBeLessThan(tolerance);
      expect(distance(crops[0], otherSeed[image]![0])).toBeGreaterThan(0.1);
      const different = fresh[image]!;
      for (const [i, crop] of different.entries())
        for (const other of different.slice(i + 1)) expect(distance(crop, other)).toBeGreaterThan(0.1);
    }
  });

  it("augments and normalises, with labels that belong to the pixels", () => {
    const batches = new TrainingBatches(task.train, { batchSize: 4, seed: 1, preprocessing });
    expect(batches.sampler.batchesPerEpoch).toBe(2);
    torch.scope(() => {
      const { pixels, labels } = batches.at(1);
      expect(pixels.shape).toEqual([3, 3, size, size]);
      expect(labels.dtype).toBe("int64");
      const level = labels
        .float()
        .mul(10 / 255)
        .view([3, 1, 1]);
      expect(pixels.select(1, 0).sub(level.sub(0.5).div(0.5)).abs().max().item()).toBeLessThan(1e-5);
      expect(pixels.select(1, 1).sub(level).abs().max().item()).toBeLessThan(1e-5);
      expect(pixels.select(1, 2).sub(level.div(2)).abs().max().item()).toBeLessThan(1e-5);
    });
  });

  it("repeats a step exactly, and another seed does not", () => {
    const noise = Uint8Array.from({ length: 6 * size * size * 3 }, (_, i) => (i * 7919) % 256);
    const noisy = { images: noise, labels: Int32Array.from([0, 1, 2, 3, 4, 0]) };
    using train = taskFromArrays({
      name: "noise",
      classes,
      templates: ["{}"],
      size,
      train: noisy,
      test: noisy,
    }).train;
    const at = (seed: number) => new TrainingBatches(train, { batchSize: 6, seed, preprocessing }).at(5);
    torch.scope(() => {
      expect(at(1).pixels.equal(at(1).pixels)).toBe(true);
      expect(at(1).pixels.equal(at(2).pixels)).toBe(false);
    });
  });

  it("evaluates every image once, in order, and releases each batch", () => {
    const before = torch.memoryStatistics().liveTensors;
    const seen: unknown[] = [];
    for (const { pixels, labels } of evaluationBatches(task.test, { batchSize: 2, preprocessing })) {
      const channel = torch.scope(() => pixels.select(1, 1).amax([1, 2]).mul(255).round().toArray());
      seen.push([channel, labels.toArray()]);
    }
    expect(seen).toEqual([
      [
        [40, 0],
        [4n, 0n],
      ],
      [[20], [2n]],
    ]);
    expect(torch.memoryStatistics().liveTensors).toBe(before);
  });
});
