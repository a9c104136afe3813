import type { DualEncoder } from "../../clip/index.js";
import { inject, type LoraConfig } from "../../lora/index.js";
import type { Tensor } from "../../torch/index.js";
import { sum } from "./sums.js";

/** A stream, as far as costs depend on it. */
export interface CostSetting {
  /** Classes of all tasks together. */
  readonly classes: number;
  readonly tasks: number;
  /** Training images per class. */
  readonly shots: number;
}

/** The cost of a method, in parameters or stored values. */
export interface Cost {
  /** Changed by gradients. */
  readonly trainable: number;
  /** Parameters that one image needs beside those of one CLIP, after the last task. */
  readonly inference: number;
  /** Values that must be kept beside one CLIP to classify any image, after the last task. */
  readonly stored: number;
  /**
   * Bytes beside one CLIP while the last task is learned: adapters, gradients, the optimiser's moments,
   * copies of the model and memories. Activations, images of the task and features of reference data come on
   * top.
   */
  readonly trainingBytes: number;
  /** How the numbers come about, and where they differ from the printed ones. */
  readonly explanation: string;
}

/** Bytes of a stored value, float32. */
export const bytesPerValue = 4;
export const bytesPerDouble = 8;

/** Gradients and two moments of AdamW, for every parameter. */
export const trainingCopies = 3;

/**
 * The cost of a method that trains all weights.
 * @param copies number of further models in memory
 * @param memoryBytes those of earlier images
 */
export function fineTuningCost(model: DualEncoder, copies = 0, memoryBytes = 0): Cost {
  const trainable = model.numParameters() - numel(model.logitParameters);
  return {
    trainable,
    inference: 0,
    stored: 0,
    trainingBytes: bytesPerValue * (trainingCopies + copies) * trainable + memoryBytes,
    explanation:
      "All parameters but the logit scale. The paper's 129.6M is no sum of the model's parts, and probably a misprint of 149.6M. " +
      "Teachers, weight copies and exemplars are for training only.",
  };
}

/** Memory of adapters with that many parameters while they are trained. */
export function adapterBytes(trainable: number): number {
  return bytesPerValue * (1 + trainingCopies) * trainable;
}

/** Numbers in the low-rank adapters of a model. Default: those of CoDyRA. */
export function adapterSize(
  model: DualEncoder,
  config: Partial<LoraConfig> = {},
): { factors: number; importance: number } {
  const adapters = inject(model, config);
  const size = adapters.numTrainable;
  adapters.remove();
  return size;
}

/** Numbers in all tensors together. */
export function numel(tensors: readonly Tensor[]): number {
  return sum(tensors.map((tensor) => tensor.numel()));
}
