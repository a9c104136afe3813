import { noGrad, scope, stack } from "../torch/index.js";
import { decodeImage } from "./image.js";
import type { ClassifyOptions, ClipModel } from "./model.js";
import { classFeatures, defaultTemplate } from "./prompts.js";

export interface FileClassification {
  readonly path: string;
  /** Most probable first. */
  readonly predictions: readonly { readonly label: string; readonly probability: number }[];
}

export interface ClassifyFilesOptions extends ClassifyOptions {
  /** Images per pass. Default: 32. */
  readonly batchSize?: number;
  /** Predictions to keep per image. Default: all. */
  readonly topK?: number;
}

/** Zero-shot classification of image files. @throws if one cannot be read, naming it */
export async function classifyFiles(
  model: ClipModel,
  paths: readonly string[],
  labels: readonly string[],
  options: ClassifyFilesOptions = {},
): Promise<FileClassification[]> {
  const { template = defaultTemplate, batchSize = 32, topK = labels.length } = options;
  using texts = classFeatures(model, labels, template);
  const results: FileClassification[] = [];
  for (let start = 0; start < paths.length; start += batchSize) {
    const batch = paths.slice(start, start + batchSize);
    const images = await Promise.all(
      batch.map(async (path) => model.preprocessing.preprocess(await decodeImage(path))),
    );
    const probabilities = scope(() =>
      noGrad(() => {
        const pixels = stack(images).to({ device: model.device });
        const features = model.encodeImage(model.preprocessing.normalise(pixels));
        return model.logits(features, texts).float().softmax(-1).toArray() as number[][];
      }),
    );
    for (const image of images) image.dispose();
    probabilities.forEach((row, i) => {
      const predictions = row.map((probability, j) => ({ label: labels[j]!, probability }));
      predictions.sort((a, b) => b.probability - a.probability);
      results.push({ path: batch[i]!, predictions: predictions.slice(0, topK) });
    });
  }
  return results;
}
