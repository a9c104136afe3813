import { checkOptions } from "../options/index.js";
import { cat, type Device, nn, noGrad, scope, type Tensor } from "../torch/index.js";
import type { DualEncoder } from "./dual-encoder.js";
import type { Tokenizer } from "./tokenizer.js";

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

/** Prompts as `encodeText` takes them. */
export interface Prompts {
  /** `int64 [prompts, L]` */
  readonly ids: Tensor;
  /**
   * How many leading ids all prompts have in common, such as those of the template up to the class name. None
   * where what follows changes how they are read.
   */
  readonly sharedPrefix: number;
}

/**
 * Token ids of prompts. The shared prefix is counted before they move to the device, so that nothing waits
 * for it.
 */
export function encodePrompts(
  tokenizer: Tokenizer,
  texts: readonly string[],
  options: { readonly device?: Device } = {},
): Prompts {
  checkOptions(options, { device: true }, "encodePrompts");
  const { device = "cpu" } = options;
  return scope(() => {
    const ids = tokenizer.encode(texts);
    const sharedPrefix = tokenizer.readsPadding
      ? 0
      : countShared(ids.toTypedArray() as BigInt64Array, ids.size(1), tokenizer.endId);
    return { ids: ids.to({ device }), sharedPrefix };
  });
}

/** Leading ids that are the same in all rows of this length; the end of a text is not among them. */
function countShared(ids: BigInt64Array, length: number, endId: number): number {
  const isShared = (column: number): boolean => {
    for (let i = column; i < ids.length; i += length) if (ids[i] !== ids[column]) return false;
    return ids[column] !== BigInt(endId);
  };
  let shared = 0;
  while (shared < length && isShared(shared)) shared++;
  return shared;
}

/**
 * Text features of classes, without gradients. The normalised features of several templates are averaged and
 * normalised again.
 * @param options `chunk`: prompts per pass through the text tower
 * @returns `[labels, embedDim]`, rows of length 1
 */
export function classFeatures(
  model: DualEncoder,
  labels: readonly string[],
  templates: string | readonly string[] = defaultTemplate,
  options: { readonly chunk?: number } = {},
): Tensor {
  checkOptions(options, { chunk: true }, "classFeatures");
  const { chunk = 256 } = options;
  const all = typeof templates === "string" ? [templates] : templates;
  if (labels.length === 0 || all.length === 0) {
    throw new RangeError(
      `classFeatures: expected labels and templates, got ${labels.length} and ${all.length}. Name at least one each.`,
    );
  }
  const { normalize } = nn.functional;
  const { tokenizer, device } = model;
  return noGrad(() =>
    scope(() => {
      const features = all.flatMap((template) => {
        const prompts = classPrompts(labels, template);
        return chunksOf(prompts, chunk).map((part) =>
          scope(() => {
            const { ids, sharedPrefix } = encodePrompts(tokenizer, part, { device });
            return normalize(model.encodeText(ids, { sharedPrefix }));
          }),
        );
      });
      const perPrompt = cat(features);
      return all.length === 1
        ? perPrompt
        : normalize(perPrompt.view([all.length, labels.length, -1]).mean([0]));
    }),
  );
}

function chunksOf<T>(values: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, i) =>
    values.slice(i * size, (i + 1) * size),
  );
}
