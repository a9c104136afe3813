import { checkOptions } from "../../options/index.js";
import { clampMin, crossEntropyLoss, linalgVectorNorm } from "../operators.generated.js";
import type { Tensor } from "../tensor.js";

export {
  embedding,
  gelu,
  layerNorm,
  linear,
  logSoftmax,
  quickGelu,
  relu,
  scaledDotProductAttention,
  silu,
  softmax,
} from "../operators.generated.js";

const reductions = { none: 0, mean: 1, sum: 2 } as const;

/**
 * Cross-entropy of softmax(logits) to class indices or to class probabilities.
 * @param logits `[N, C]`
 * @param target `int64 [N]`, or probabilities `[N, C]` in the dtype of the logits
 * @returns a scalar, or `[N]` without reduction
 * @throws if the shapes do not fit
 */
export function crossEntropy(
  logits: Tensor,
  target: Tensor,
  options: {
    weight?: Tensor;
    reduction?: keyof typeof reductions;
    /** Class index that counts for nothing. */
    ignoreIndex?: number;
    labelSmoothing?: number;
  } = {},
): Tensor {
  const keys = { weight: true, reduction: true, ignoreIndex: true, labelSmoothing: true } as const;
  checkOptions(options, keys, "crossEntropy");
  const { weight, reduction = "mean", ignoreIndex = -100, labelSmoothing = 0 } = options;
  return crossEntropyLoss(logits, target, {
    weight,
    reduction: reductions[reduction],
    ignoreIndex,
    labelSmoothing,
  });
}

/** `x / max(‖x‖₂, eps)` along `dim`. */
export function normalize(x: Tensor, options: { dim?: number; eps?: number } = {}): Tensor {
  checkOptions(options, { dim: true, eps: true }, "normalize");
  const { dim = -1, eps = 1e-12 } = options;
  return x.div(clampMin(linalgVectorNorm(x, { dim: [dim], keepdim: true }), eps));
}
