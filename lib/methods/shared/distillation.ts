import { z } from "zod";
import type { DualEncoder } from "../../clip/index.js";
import { BatchSampler, centerCrop, type ImageSet } from "../../data/index.js";
import { paper } from "../../options/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import type { TaskTerms } from "./full-fine-tuning.js";
import { type FullFineTuningOptions, fullFineTuningShape } from "./full-fine-tuning.js";
import { inParts, type PartsContext } from "./in-parts.js";
import { liveState } from "./live-state.js";
import type { StageState } from "./stage.js";
import type { RunContext } from "./types.js";
import { encodeUnitImages, encodeUnitTexts } from "./unit-features.js";

/** Options of every method that distils a teacher's similarities of images and texts. */
export const distillationShape = {
  ...fullFineTuningShape,
  temperature: z.number().positive().default(2).meta(paper("temperature of the distillation")),
  distillationWeight: z.number().nonnegative().default(1).meta(paper("weight of both distillation terms")),
} as const;

export type DistillationOptions = FullFineTuningOptions & {
  readonly temperature: number;
  readonly distillationWeight: number;
};

/**
 * Soft cross-entropy at temperature T, `T² · mean_r −Σ_m softmax(a_r / T)_m log softmax(b_r / T)_m`.
 * Distilling the Knowledge in a Neural Network, arXiv:1503.02531, section 2. At `b = a` it is T² times the
 * entropy, and its gradient is zero.
 * @param teacher a, `[R, M]`   @param student b, `[R, M]`
 */
export function softCrossEntropy(teacher: Tensor, student: Tensor, temperature: number): Tensor {
  const target = teacher.div(temperature).softmax(-1);
  const logProbabilities = torch.nn.functional.logSoftmax(student.div(temperature), -1);
  return target
    .mul(logProbabilities)
    .sum([-1])
    .mean()
    .mul(-(temperature ** 2));
}

export interface FeatureDistillationOptions {
  readonly teacher: DualEncoder;
  readonly images: ImageSet;
  /**
   * Whether `images` are training images, of which the teacher sees the middle. Else they are as models see
   * them in tests.
   */
  readonly stretched: boolean;
  /** Token ids `[M, L]` of the reference texts. */
  readonly texts: Tensor;
  readonly temperature: number;
  readonly batchSize: number;
  /** `shuffled` by the seed, in a new order each epoch; or `cyclic`, in the order of the images. */
  readonly order: { readonly seed: string } | "cyclic";
  /** Released with the distillation, or at once where it cannot be prepared. */
  readonly owned?: readonly { dispose(): void }[];
}

/**
 * The two distillation terms of "Preventing Zero-Shot Transfer Degradation in Continual Learning of
 * Vision-Language Models" (arXiv:2303.06628, eq. 2 and 3; `mtil/src/models/finetune.py` of Thunderbeee/ZSCL).
 * The similarities of reference images to reference texts stay as the teacher's, as distributions over the
 * texts and over the images. Both sides use the teacher's texts, so only the image encoder feels it.
 */
export class FeatureDistillation implements Disposable {
  readonly #options: FeatureDistillationOptions;
  readonly #texts: Tensor; // the teacher's unit features, [M, D]
  readonly #images: Tensor; // the teacher's unit features, [n, D]: its view of an image never changes
  readonly #isEncoded: Tensor; // uint8 [n], on the CPU
  readonly #sampler: BatchSampler | undefined;

  /** Has the teacher encode the texts, of which there may be ten thousand. @throws if the run is aborted */
  static async prepare(
    options: FeatureDistillationOptions,
    context: PartsContext & Pick<RunContext, "taskIndex" | "log">,
  ): Promise<FeatureDistillation> {
    const { teacher, texts, images, owned = [] } = options;
    try {
      const features = await encodeTexts(teacher, texts, context);
      const count = { images: images.length, texts: texts.size(0) };
      context.log({ kind: "distillation", task: context.taskIndex, ...count });
      return new FeatureDistillation(options, features);
    } catch (error) {
      for (const each of owned) each.dispose();
      throw error;
    }
  }

  private constructor(options: FeatureDistillationOptions, textFeatures: Tensor) {
    const { teacher, images, batchSize, order } = options;
    this.#options = options;
    this.#texts = textFeatures;
    this.#images = torch.unscoped(() =>
      torch.zeros([images.length, teacher.config.embedDim], { device: teacher.device }),
    );
    this.#isEncoded = torch.unscoped(() => torch.zeros([images.length], { dtype: "uint8" }));
    this.#sampler =
      order === "cyclic" ? undefined : new BatchSampler(images.length, { batchSize, seed: order.seed });
  }

  /** The sum of both terms for the reference images of a step. */
  loss(student: DualEncoder, step: number): Tensor {
    const indices = this.#indices(step);
    const pixels = this.#pixels(indices);
    const teacherImages = this.#teacherFeatures(indices, pixels);
    const scale = torch.noGrad(() => student.logitScale.exp());
    const before = teacherImages.mul(scale).mm(this.#texts.t()); // [R, M]
    const now = encodeUnitImages(student, pixels).mul(scale).mm(this.#texts.t());
    return distillationLoss(before, now, this.#options.temperature);
  }

  /**
   * The terms that fine-tuning a student adds: these losses with a weight. They are released with the task.
   */
  terms(student: DualEncoder, weight: number): TaskTerms {
    return {
      penalty: (step) => this.loss(student, step).mul(weight),
      state: this.state,
      dispose: () => this.dispose(),
    };
  }

  /** The teacher's view of the images that came so far: in another batch, its last bits might be others. */
  get state(): StageState {
    return liveState({ tensors: { images: this.#images, isEncoded: this.#isEncoded } });
  }

  dispose(): void {
    for (const each of [this.#texts, this.#images, this.#isEncoded, ...(this.#options.owned ?? [])])
      each.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #indices(step: number): number[] {
    if (this.#sampler !== undefined) return this.#sampler.at(step);
    const { batchSize, images } = this.#options;
    const batches = Math.ceil(images.length / batchSize);
    const start = (step % batches) * batchSize;
    return Array.from({ length: Math.min(batchSize, images.length - start) }, (_, i) => start + i);
  }

  #pixels(indices: readonly number[]): Tensor {
    const { images, stretched, teacher } = this.#options;
    const { preprocessing } = teacher;
    const selected = images.select(indices, teacher.device).images;
    if (!stretched) return preprocessing.normalise(selected);
    const aspectRatios = indices.map((i) => images.aspectRatios[i] as number);
    return preprocessing.normalise(centerCrop(selected, aspectRatios, preprocessing.cropSize));
  }

  #teacherFeatures(indices: readonly number[], pixels: Tensor): Tensor {
    return torch.noGrad(() => {
      const index = torch.tensor([...indices], { dtype: "int64", device: pixels.device });
      const isEncoded = this.#isEncoded.sharedArray() as Uint8Array;
      if (indices.some((i) => isEncoded[i] === 0)) {
        this.#images.indexCopy_(0, index, encodeUnitImages(this.#options.teacher, pixels)).dispose();
        for (const i of indices) isEncoded[i] = 1;
      }
      return this.#images.indexSelect(0, index);
    });
  }
}

/**
 * Soft cross-entropy over the texts for each image, plus over the images for each text.
 * @param teacher, student logits `[images, texts]`
 */
export function distillationLoss(teacher: Tensor, student: Tensor, temperature: number): Tensor {
  const overTexts = softCrossEntropy(teacher, student, temperature);
  return overTexts.add(softCrossEntropy(teacher.t(), student.t(), temperature));
}

/** @returns unit features `[M, D]` */
async function encodeTexts(teacher: DualEncoder, ids: Tensor, context: PartsContext): Promise<Tensor> {
  const chunk = 256;
  const [count, width] = [ids.size(0), teacher.config.embedDim];
  const features = torch.unscoped(() => torch.zeros([count, width], { device: teacher.device }));
  try {
    const encode = (part: number): void => {
      const [start, size] = [part * chunk, Math.min(chunk, count - part * chunk)];
      const encoded = encodeUnitTexts(teacher, { ids: ids.narrow(0, start, size), sharedPrefix: 0 });
      features.narrow(0, start, size).copy_(encoded);
    };
    await inParts(
      context,
      "reference texts",
      Math.ceil(count / chunk),
      (part) => torch.noGrad(() => encode(part)),
      liveState({ tensors: { features } }),
    );
    return features;
  } catch (error) {
    features.dispose();
    throw error;
  }
}
