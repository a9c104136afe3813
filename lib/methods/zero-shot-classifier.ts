import { classFeatures } from "../clip/index.js";
import * as torch from "../torch/index.js";
import type { Classifier, LabelSpace, RunContext } from "./types.js";

/**
 * Classification by the class names alone: `exp(s) · cos(image, text)` over all classes of the label space, texts encoded once.
 * The features of several templates are normalised, averaged and normalised again. Classes with the same prompts tie exactly.
 */
export function zeroShotClassifier({ groups }: LabelSpace, { model }: Pick<RunContext, "model">): Classifier {
  const features = torch.noGrad(() =>
    torch.scope(() =>
      torch.cat(groups.map(({ classes, templates }) => classFeatures(model, classes, templates))),
    ),
  ); // [C, D]
  const columns = torch.tensor(firstColumns(groups), { dtype: "int64", device: model.device });
  return (pixels) =>
    torch.inferenceMode(() =>
      torch.scope(() => model.logits(model.encodeImage(pixels), features).indexSelect(1, columns)),
    );
}

/** For each class, the first one with the same prompts: computed in two places, their scores would differ by rounding. */
function firstColumns(groups: LabelSpace["groups"]): number[] {
  const prompts = groups.flatMap(({ classes, templates }) =>
    classes.map((name) => JSON.stringify([name, templates])),
  );
  const first = new Map(prompts.map((key, column) => [key, column] as const).reverse());
  return prompts.map((key) => first.get(key) as number);
}
