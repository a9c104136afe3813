import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";

export type ContrastiveLoss = "symmetric" | "released" | "image-to-text" | "sigmoid";

export interface ContrastiveLossOptions {
  /**
   * `symmetric`: the mean of both directions, images of one class being joint positives. `released`: the
   * released code's sum, with the text-to-image term over all classes seen so far. docs/specification.md,
   * section 2.3. `image-to-text`: that direction alone, as the fine-tuning baselines are trained. `sigmoid`:
   * every image with every class by itself, as SigLIP was trained.
   */
  readonly loss: ContrastiveLoss;
  /** Smoothing of the softmax over classes, which `sigmoid` does not have. */
  readonly labelSmoothing?: number;
  /** Added to all logits of `sigmoid`; in a softmax it would change nothing. */
  readonly bias?: Tensor;
  /**
   * Classes of earlier tasks. `released` divides the text-to-image term by their number plus the current
   * classes.
   */
  readonly earlierClasses?: number;
  /** Unit features `[E, D]` of earlier classes, as further negatives of each image. */
  readonly earlierFeatures?: Tensor;
  /** Whether the text-to-image term takes part. */
  readonly textToImage?: boolean;
}

/**
 * CLIP's contrastive loss for labelled images, arXiv:2412.01004, footnote 1.
 *
 * With `z[n, c] = s · vₙ·u_c`, image to text is `mean_n −log softmax_c z[n, ·]` at `c = yₙ`. Text to image is
 * `−log softmax_n z[·, yₙ]` at `n`. `symmetric` averages it over the images of a class and then over the
 * classes in the batch. `released` sums it over images and divides by all classes seen.
 * @param imageFeatures unit vectors `[N, D]`
 * @param textFeatures unit vectors `[C, D]` of the current task's classes
 * @param labels `int64 [N]`   @param scale s, a scalar tensor
 * @returns a scalar
 */
export function contrastiveLoss(
  imageFeatures: Tensor,
  textFeatures: Tensor,
  labels: Tensor,
  scale: Tensor,
  options: ContrastiveLossOptions,
): Tensor {
  const { loss, labelSmoothing = 0, earlierClasses = 0, earlierFeatures, textToImage = true } = options;
  const scaled = imageFeatures.mul(scale); // [N, D]
  const logits = scaled.matmul(textFeatures.t()); // [N, C]
  const candidates =
    earlierFeatures === undefined ? logits : torch.cat([logits, scaled.matmul(earlierFeatures.t())], 1);
  if (loss === "sigmoid") {
    return sigmoidLoss(options.bias === undefined ? candidates : candidates.add(options.bias), labels);
  }
  const imageToText = torch.nn.functional.crossEntropy(candidates, labels, { labelSmoothing });
  if (!textToImage || loss === "image-to-text") return imageToText;

  const logProbabilities = torch.nn.functional
    .logSoftmax(logits, 0)
    .gather(1, labels.unsqueeze(1))
    .squeeze(1); // [N]
  const classes = textFeatures.size(0);
  if (loss === "released") {
    return imageToText.sub(logProbabilities.sum().div(classes + earlierClasses));
  }
  const columns = torch.arange(classes, { device: labels.device });
  const imagesPerClass = labels.unsqueeze(1).eq(columns).sum([0]); // [C]; bincount would wait for the device
  const share = imagesPerClass.indexSelect(0, labels).mul(imagesPerClass.gt(0).sum()).reciprocal(); // [N]
  const textToImageLoss = logProbabilities.mul(share).sum().neg();
  return imageToText.add(textToImageLoss).div(2);
}

/**
 * `mean_n Σ_c −log σ(±z[n, c])`, plus where `c = yₙ` and minus elsewhere. Sigmoid Loss for Language Image
 * Pre-Training, arXiv:2303.15343, equation 1, with classes in place of the texts of a batch.
 * @param logits z, `[N, C]`   @param labels `int64 [N]`
 * @returns a scalar
 */
export function sigmoidLoss(logits: Tensor, labels: Tensor): Tensor {
  const columns = torch.arange(logits.size(1), { device: labels.device });
  const signs = labels.unsqueeze(1).eq(columns).to({ dtype: logits.dtype }).mul(2).sub(1); // [N, C]
  return torch.logSigmoid(signs.mul(logits)).sum([1]).mean().neg();
}

/**
 * CLIP's contrastive loss in a batch of pairs of an image and a text, where pairs of one class are joint
 * positives. With logits `ℓ = s U Zᵀ` and targets `T_ij = 1/n_y` where `y_i = y_j = y`, it is `½ (CE(ℓ, T) +
 * CE(ℓᵀ, Tᵀ))`. Classes that are absent are no negatives.
 * @param imageFeatures unit vectors `[N, D]`
 * @param textFeatures unit vectors `[N, D]`, of each image's own text
 * @param labels `int64 [N]`   @param scale s, a scalar tensor
 * @returns a scalar
 */
export function inBatchLoss(
  imageFeatures: Tensor,
  textFeatures: Tensor,
  labels: Tensor,
  scale: Tensor,
): Tensor {
  const logits = textFeatures.mul(scale).matmul(imageFeatures.t()); // [texts, images]
  const isSame = labels.unsqueeze(1).eq(labels).to({ dtype: logits.dtype });
  const targets = isSame.div(isSame.sum([1], true)); // symmetric: the rows of a class are equal
  const { crossEntropy } = torch.nn.functional;
  return crossEntropy(logits, targets).add(crossEntropy(logits.t(), targets)).div(2);
}
