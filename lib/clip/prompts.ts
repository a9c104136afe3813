import { cat, nn, noGrad, scope, type Tensor } from "../torch/index.js";
import type { ClipModel } from "./model.js";

export const defaultTemplate = "a photo of a {}.";

/** Puts a class name into a prompt; underscores become spaces. @throws if the template has no `{}` */
export function fillTemplate(template: string, name: string): string {
  if (!template.includes("{}")) {
    throw new Error(
      `Template '${template}' has no {}: expected one where the class name goes, such as '${defaultTemplate}'.`,
    );
  }
  return template.split("{}").join(name.replaceAll("_", " "));
}

/** A prompt for each class. */
export function classPrompts(labels: readonly string[], template = defaultTemplate): string[] {
  return labels.map((label) => fillTemplate(template, label));
}

/**
 * Text features of classes, without gradients. Of several templates, the normalised features are averaged and normalised again.
 * @param chunk prompts per pass through the text tower
 * @returns `[labels, embedDim]`, rows of length 1
 */
export function classFeatures(
  model: ClipModel,
  labels: readonly string[],
  templates: string | readonly string[] = defaultTemplate,
  { chunk = 256 } = {},
): Tensor {
  const all = typeof templates === "string" ? [templates] : templates;
  if (labels.length === 0 || all.length === 0) {
    throw new RangeError(
      `classFeatures: expected labels and templates, got ${labels.length} and ${all.length}. Name at least one each.`,
    );
  }
  const prompts = labels.flatMap((label) => all.map((template) => fillTemplate(template, label)));
  const { normalize } = nn.functional;
  return noGrad(() =>
    scope(() => {
      const features: Tensor[] = [];
      for (let start = 0; start < prompts.length; start += chunk) {
        features.push(
          scope(() => {
            const ids = model.tokenizer.encode(prompts.slice(start, start + chunk), { device: model.device });
            return normalize(model.encodeText(ids));
          }),
        );
      }
      const perPrompt = cat(features);
      return all.length === 1
        ? perPrompt
        : normalize(perPrompt.view([labels.length, all.length, -1]).mean([1]));
    }),
  );
}
