import { classFeatures } from "../clip/index.js";
import * as torch from "../torch/index.js";
import type { Classifier, LabelSpace, RunContext } from "./types.js";

/**
 * Classification by the class names alone: `exp(s) · cos(image, text)` over all classes of the label space, texts encoded once.
 * The features of several templates are normalised, averaged and normalised again.
 */
export function zeroShotClassifier(labels: LabelSpace, { model }: Pick<RunContext, "model">): Classifier {
  const features = torch.noGrad(() =>
    torch.scope(() =>
      torch.cat(labels.groups.map((group) => classFeatures(model, group.classes, group.templates))),
    ),
  ); // [C, D]
  return (pixels) =>
    torch.inferenceMode(() => torch.scope(() => model.logits(model.encodeImage(pixels), features)));
}
