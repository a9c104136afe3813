import { PackedVision } from "../../clip/index.js";
import { deadLeaves, mixtures, type Task } from "../../data/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { chunk, encodeCrop } from "./crop-features.js";
import { inParts } from "./in-parts.js";
import { liveState } from "./live-state.js";
import { taskSeed } from "./training.js";
import type { RunContext } from "./types.js";
import { encodeUnitImages } from "./unit-features.js";

/** Surrogates of images that a method does not have: drawn ones, and mixtures of the task's. */
const counts = { deadLeaves: 128, mixtures: 256 } as const;
export const surrogateCount = counts.deadLeaves + counts.mixtures;

/**
 * Images on which a method watches its image encoder while a task is learned. They are surrogates, which
 * should keep their features, and one crop of each training image. Features before the task are encoded once.
 */
export class FeatureProbe implements Disposable {
  readonly #task: Task;
  readonly #cropScale: readonly [number, number];
  readonly #surrogates: Tensor; // uint8 [S, 3, size, size]
  readonly #before: Tensor; // unit features of the surrogates and then of the crops, [S + n, D]

  /** @throws if the run is aborted */
  static async prepare(
    task: Task,
    context: RunContext,
    cropScale: readonly [number, number],
  ): Promise<FeatureProbe> {
    const { preprocessing, device } = context.model;
    const [size, seed] = [preprocessing.cropSize, taskSeed(context)];
    const surrogates = torch.scope(() => {
      using drawn = deadLeaves({ count: counts.deadLeaves, size, seed });
      const mixed = mixtures(task.train, counts.mixtures, size, String(seed));
      return torch.cat([drawn.images, mixed]).to({ device }).keep();
    });
    try {
      return new FeatureProbe(
        task,
        cropScale,
        surrogates,
        await encode(task, context, surrogates, cropScale),
      );
    } catch (error) {
      surrogates.dispose();
      throw error;
    }
  }

  private constructor(task: Task, cropScale: readonly [number, number], surrogates: Tensor, before: Tensor) {
    this.#task = task;
    this.#cropScale = cropScale;
    this.#surrogates = surrogates;
    this.#before = before;
  }

  /** Unit features of all images before the task, `[surrogates + images, D]`. */
  get before(): Tensor {
    return this.#before;
  }

  /**
   * `mean_i ‖f(x̃_i) − f_before(x̃_i)‖²` over some surrogates, half of them dead leaves and half mixtures,
   * which changes turn by turn.
   * @param count surrogates
   */
  distance({ model }: Pick<RunContext, "model">, iteration: number, count: number): Tensor {
    const turns = (among: number, number: number): number[] =>
      Array.from({ length: number }, (_, i) => (iteration * number + i) % among);
    const half = Math.floor(count / 2);
    const rows = [
      ...turns(counts.deadLeaves, half),
      ...turns(counts.mixtures, count - half).map((i) => counts.deadLeaves + i),
    ];
    const index = torch.tensor(rows, { dtype: "int64", device: model.device });
    const pixels = model.preprocessing.normalise(this.#surrogates.indexSelect(0, index));
    const now = encodeUnitImages(model, pixels);
    return now.sub(this.#before.indexSelect(0, index)).square().sum([1]).mean();
  }

  /**
   * Unit features of all images as the model has them now, in the order of `before`. The caller owns them.
   * @throws if the run is aborted
   */
  after(context: RunContext): Promise<Tensor> {
    return encode(this.#task, context, this.#surrogates, this.#cropScale);
  }

  /** The rows of `before` and `after` that are the task's own images: views. */
  ownRows(features: Tensor): Tensor {
    return features.narrow(0, this.#surrogates.size(0), this.#task.train.length);
  }

  dispose(): void {
    this.#surrogates.dispose();
    this.#before.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

async function encode(
  task: Task,
  context: RunContext,
  surrogates: Tensor,
  cropScale: readonly [number, number],
): Promise<Tensor> {
  const { model } = context;
  const count = surrogates.size(0);
  const rows = count + task.train.length;
  const features = torch.unscoped(() => torch.zeros([rows, model.config.embedDim], { device: model.device }));
  try {
    using vision = new PackedVision(model, { batchSize: chunk });
    const encodePart = (part: number): void =>
      torch.noGrad(() => {
        const [start, size] = [part * chunk, Math.min(chunk, count - part * chunk)];
        const pixels = model.preprocessing.normalise(surrogates.narrow(0, start, size));
        features
          .narrow(0, start, size)
          .copy_(encodeUnitImages(model, pixels, (rows) => vision.encodeImage(rows)));
      });
    const state = liveState({ tensors: { features } });
    await inParts(context, "features of surrogate images", Math.ceil(count / chunk), encodePart, state);
    using own = torch.unscoped(() => features.narrow(0, count, task.train.length));
    await encodeCrop(task, context, { crop: 0, cropScale, vision }, own);
    return features;
  } catch (error) {
    features.dispose();
    throw error;
  }
}
