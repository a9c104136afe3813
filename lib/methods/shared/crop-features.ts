import { PackedVision } from "../../clip/index.js";
import { BatchSampler, Random, randomResizedCrop, type Task } from "../../data/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { inParts } from "./in-parts.js";
import type { Inputs } from "./iteration.js";
import { liveState } from "./live-state.js";
import { taskSeed } from "./training.js";
import type { RunContext } from "./types.js";

/** Images per pass. */
export const chunk = 64;

/**
 * Features of a few random crops of every training image, encoded once: training on them needs no further
 * pass through the image encoder.
 */
export class CropFeatures implements Disposable {
  /** Unit features `[crops, images, D]`. */
  readonly features: Tensor;
  readonly labels: Tensor;

  /** @throws if the run is aborted */
  static async encode(
    task: Task,
    context: RunContext,
    options: { readonly crops: number; readonly cropScale: readonly [number, number] },
  ): Promise<CropFeatures> {
    const { model } = context;
    const features = torch.unscoped(() =>
      torch.zeros([options.crops, task.train.length, model.config.embedDim], { device: model.device }),
    );
    try {
      using vision = new PackedVision(model, { batchSize: chunk });
      for (let crop = 0; crop < options.crops; crop++) {
        using ofCrop = torch.unscoped(() => features.select(0, crop));
        await encodeCrop(task, context, { crop, vision, ...options }, ofCrop);
      }
      return new CropFeatures(task, features);
    } catch (error) {
      features.dispose();
      throw error;
    }
  }

  private constructor(task: Task, features: Tensor) {
    this.features = features;
    this.labels = torch.scope(() => torch.upload(task.train.labels, features.device).clone()).keep();
  }

  /** Batches of features, one crop of each image at random. */
  batches(batchSize: number, seed: number): { at(iteration: number): Inputs } {
    const [crops, length, width] = this.features.shape as [number, number, number];
    const sampler = new BatchSampler(length, { batchSize, seed });
    return {
      at: (iteration) => {
        const random = new Random(JSON.stringify(["crop of features", seed, iteration]));
        const indices = sampler.at(iteration);
        const rows = indices.map((image) => random.integer(crops) * length + image);
        const { device } = this.features;
        const pick = (values: readonly number[]) => torch.tensor([...values], { dtype: "int64", device });
        return torch.scope(() => ({
          images: this.features.view([crops * length, width]).indexSelect(0, pick(rows)),
          labels: this.labels.indexSelect(0, pick(indices)),
        }));
      },
    };
  }

  dispose(): void {
    this.features.dispose();
    this.labels.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Which crop of an image, and what encodes it: the encoder as it is now, in passes of `chunk`. */
export interface CropOptions {
  readonly crop: number;
  readonly cropScale: readonly [number, number];
  readonly vision: PackedVision;
}

/**
 * Unit features of one crop of every training image, the same crop whenever it is asked for.
 * @param into `[images, D]`
 */
export async function encodeCrop(
  { name, train }: Task,
  context: RunContext,
  { crop, cropScale, vision }: CropOptions,
  into: Tensor,
): Promise<void> {
  const { model } = context;
  const { preprocessing, device } = model;
  const seed = taskSeed(context);
  const encode = (part: number): void =>
    torch.noGrad(() => {
      const start = part * chunk;
      const indices = Array.from({ length: Math.min(chunk, train.length - start) }, (_, i) => start + i);
      const randoms = indices.map(
        (image) => new Random(JSON.stringify(["crop of image", seed, crop, image])),
      );
      const aspectRatios = indices.map((i) => train.aspectRatios[i] as number);
      const { images } = train.select(indices, device);
      const options = { size: preprocessing.cropSize, scale: cropScale };
      const pixels = preprocessing.normalise(randomResizedCrop(images, aspectRatios, options, randoms));
      into.narrow(0, start, indices.length).copy_(torch.nn.functional.normalize(vision.encodeImage(pixels)));
    });
  const state = liveState({ tensors: { features: into } });
  await inParts(context, `features of ${name}`, Math.ceil(train.length / chunk), encode, state);
}
