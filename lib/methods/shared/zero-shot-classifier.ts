import { classFeatures, type DualEncoder } from "../../clip/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import type { Classifier, LabelGroup, LabelSpace, RunContext } from "./types.js";

/** Unit features of a group's classes, `[classes, D]`. */
export type TextsOf = (group: LabelGroup) => Tensor;

/**
 * Classification by the class names alone: `exp(s) · cos(image, text)` over all classes of the label space,
 * texts encoded once. The features of several templates are normalised, averaged and normalised again.
 * Classes with the same prompts tie exactly.
 * @param textsOf default: the model's text encoder reads all names
 */
export function zeroShotClassifier(
  labels: LabelSpace,
  { model }: Pick<RunContext, "model">,
  textsOf?: TextsOf,
): Classifier {
  const { logitsOf } = zeroShotParts(labels, model, textsOf);
  return (pixels) => torch.inferenceMode(() => torch.scope(() => logitsOf(model.encodeImage(pixels))));
}

/** The same of image features `[B, D]`: for methods that never change the image encoder. */
export function zeroShotFeatureClassifier(
  labels: LabelSpace,
  { model }: Pick<RunContext, "model">,
  textsOf?: TextsOf,
): Classifier {
  const { logitsOf, classFeatures } = zeroShotParts(labels, model, textsOf);
  const scoresOf = (features: Tensor): Tensor =>
    torch.inferenceMode(() => torch.scope(() => logitsOf(features)));
  return Object.assign(scoresOf, { classFeatures });
}

/** The logits of image features `[B, D]` over a label space, `[B, classes]`; texts are encoded here, once. */
export function zeroShotHead(labels: LabelSpace, model: DualEncoder): (imageFeatures: Tensor) => Tensor {
  return zeroShotParts(labels, model).logitsOf;
}

function zeroShotParts(
  { groups }: LabelSpace,
  model: DualEncoder,
  textsOf: TextsOf = ({ classes, templates }) => classFeatures(model, classes, templates),
) {
  const features = torch.noGrad(() => torch.scope(() => torch.cat(groups.map(textsOf)))); // [C, D]
  const columns = torch.tensor(firstColumns(groups), { dtype: "int64", device: model.device });
  return {
    classFeatures: features.indexSelect(0, columns), // [C, D]
    logitsOf: (imageFeatures: Tensor): Tensor =>
      model.logits(imageFeatures, features).indexSelect(1, columns),
  };
}

/**
 * For each class, the first one with the same prompts: computed in two places, their scores would differ by
 * rounding.
 */
function firstColumns(groups: LabelSpace["groups"]): number[] {
  const prompts = groups.flatMap(({ classes, templates }) =>
    classes.map((name) => JSON.stringify([name, templates])),
  );
  const first = new Map(prompts.map((key, column) => [key, column] as const).reverse());
  return prompts.map((key) => first.get(key) as number);
}
