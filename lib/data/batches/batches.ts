import type { Preprocessing } from "../../clip/index.js";
import { checkOptions, type OptionKeys } from "../../options/index.js";
import * as torch from "../../torch/index.js";
import type { ImageSet } from "../loading/image-set.js";
import { permutation } from "../permutation.js";
import { Random } from "../random.js";
import { boxRatios, type CropOptions, centerBoxes, randomBoxes } from "./augment.js";
import { type Box, resampleBoxes } from "./resample.js";

/** Images and labels of one training or test step. */
export interface Batch {
  /** Normalised, float32 `[B, 3, size, size]`; `[0, 3, size, size]` where no image is wanted. */
  readonly pixels: torch.Tensor;
  /** int64 `[B]`. */
  readonly labels: torch.Tensor;
}

/**
 * Which examples each training step sees: every epoch in a new random order, cut into batches of which the
 * last may be short. The order of an epoch follows from the seed and its number alone, so a run resumes at
 * any step without replaying the earlier ones.
 */
export class BatchSampler {
  readonly batchesPerEpoch: number;
  #epoch = -1;
  #order: number[] = [];

  /** @throws if there are no examples, or `batchSize` is not a positive integer */
  constructor(
    readonly length: number,
    readonly options: {
      readonly batchSize: number;
      readonly seed: number | string;
      /** Leaves out the last batch of an epoch where it is short, unless it is the only one. */
      readonly dropLast?: boolean;
    },
  ) {
    const { batchSize } = options;
    if (!(length > 0) || !Number.isInteger(batchSize) || batchSize < 1) {
      throw new RangeError(
        `BatchSampler: expected examples and a batch size of 1 or more, got ${length} and ${batchSize}. Check both.`,
      );
    }
    const batches = length / batchSize;
    this.batchesPerEpoch = options.dropLast ? Math.max(1, Math.floor(batches)) : Math.ceil(batches);
  }

  /** Indices of the examples of a step, counted from 0 across epochs. */
  at(step: number): number[] {
    const { batchSize, seed } = this.options;
    const epoch = Math.floor(step / this.batchesPerEpoch);
    if (epoch !== this.#epoch) {
      this.#order = permutation(this.length, new Random(JSON.stringify(["epoch", seed, epoch])));
      this.#epoch = epoch;
    }
    const start = (step % this.batchesPerEpoch) * batchSize;
    return this.#order.slice(start, start + batchSize);
  }
}

export interface TrainingBatchOptions {
  readonly batchSize: number;
  readonly seed: number;
  readonly dropLast?: boolean;
  readonly preprocessing: Preprocessing;
  /** Random crops, or the middle of each image as in tests. */
  readonly crop?:
    | "center"
    | (Omit<CropOptions, "size"> & {
        /**
         * Cuts the same box out of an image whenever it comes. The last bits of its pixels may differ with
         * the batch: see `resampleBoxes`. Default: another box each time.
         */
        readonly isFixed?: boolean;
      });
  /** Device of the batches. Default: that of the images. */
  readonly device?: torch.Device;
  /**
   * Which images of a batch of that many are wanted, such as those that one process of several encodes. All
   * draws and all labels are those of the whole batch. Default: all images.
   */
  readonly rows?: (size: number) => torch.distributed.Rows;
}

const trainingKeys: OptionKeys<TrainingBatchOptions> = {
  batchSize: true,
  seed: true,
  dropLast: true,
  preprocessing: true,
  crop: true,
  device: true,
  rows: true,
};

/** The augmented batches of a training run: sampled, gathered, cropped and normalised on the device. */
export class TrainingBatches {
  readonly sampler: BatchSampler;

  constructor(
    readonly images: ImageSet,
    readonly options: TrainingBatchOptions,
  ) {
    checkOptions(options, trainingKeys, "TrainingBatches");
    this.sampler = new BatchSampler(images.length, options);
  }

  /**
   * The batch of a step, counted from 0; bit by bit the same whenever and in whatever order steps are asked
   * for. The caller owns it.
   */
  at(step: number): Batch {
    const { preprocessing, device, rows } = this.options;
    const indices = this.sampler.at(step);
    const { start, end } = rows?.(indices.length) ?? { start: 0, end: indices.length };
    const boxes = this.#boxes(step, indices).slice(start, end);
    const { cropSize } = preprocessing;
    return torch.scope(() => {
      if (start === end) {
        const labels = this.images.selectLabels(indices, device);
        return { pixels: torch.zeros([0, 3, cropSize, cropSize], { device }), labels };
      }
      const { images, labels } = this.images.select(indices.slice(start, end), device);
      const pixels = preprocessing.normalise(resampleBoxes(images, boxes, cropSize));
      const isWhole = end - start === indices.length;
      return { pixels, labels: isWhole ? labels : this.images.selectLabels(indices, device) };
    });
  }

  /** The boxes that are cut out of the images of a batch. */
  #boxes(step: number, indices: readonly number[]): Box[] {
    const { seed, preprocessing, crop } = this.options;
    const aspectRatios = indices.map((i) => this.images.aspectRatios[i] as number);
    if (crop === "center") return centerBoxes(boxRatios(aspectRatios, preprocessing));
    const random = crop?.isFixed
      ? indices.map((image) => new Random(JSON.stringify(["crop of image", seed, image])))
      : new Random(JSON.stringify(["crop", seed, step]));
    return randomBoxes(aspectRatios, crop ?? {}, random);
  }
}

export interface EvaluationBatchOptions {
  readonly batchSize: number;
  readonly preprocessing: Preprocessing;
  /** Device of the batches. Default: that of the images. */
  readonly device?: torch.Device;
}

/** All images once, in order. A batch is released when the next one is asked for. */
export function* evaluationBatches(
  images: ImageSet,
  options: EvaluationBatchOptions,
): Generator<Batch, void, undefined> {
  checkOptions(options, { batchSize: true, preprocessing: true, device: true }, "evaluationBatches");
  const { batchSize, preprocessing, device } = options;
  for (let start = 0; start < images.length; start += batchSize) {
    const batch = torch.scope(() => {
      const part = images.slice(start, Math.min(start + batchSize, images.length), device);
      return { pixels: preprocessing.normalise(part.images), labels: part.labels };
    });
    try {
      yield batch;
    } finally {
      batch.pixels.dispose();
      batch.labels.dispose();
    }
  }
}
