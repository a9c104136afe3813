import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { jsonText, writeDirectory } from "../../files/index.js";
import { safetensors, scope } from "../../torch/index.js";
import { formatConfig } from "../config-json.js";
import type { DualEncoder } from "../dual-encoder.js";

/**
 * Writes a Hugging Face directory that `transformers` loads unchanged: configuration, weights, and the
 * model's tokenizer and preprocessing files. They are complete before the first of them appears in
 * `directory`; other files there are left alone.
 * @throws if a layer still has an adapter, which the format cannot hold
 */
export function saveModel(model: DualEncoder, directory: string): void {
  const adapted = model.adaptableLayers().find(({ linear }) => linear.adapter !== undefined);
  if (adapted !== undefined) {
    throw new Error(
      `saveModel: expected plain layers, but ${adapted.name} has an adapter. Merge or remove the adapters first.`,
    );
  }
  writeDirectory(directory, (temporary) => {
    for (const [name, content] of descriptionFiles(model, directory))
      writeFileSync(join(temporary, name), content);
    const weights = join(temporary, "model.safetensors");
    scope(() => safetensors.save(weights, model.stateDict(), { format: "pt" }));
  });
}

/**
 * The files of a Hugging Face directory but for the weights: sizes, tokenizer and preprocessing. `loadModel`
 * reads them with a file of weights beside them.
 * @param directory the folder in which they will lie
 */
export function descriptionFiles(model: DualEncoder, directory = ""): ReadonlyMap<string, string | Buffer> {
  return new Map([["config.json", jsonText(formatConfig(model.config))], ...assetFiles(model, directory)]);
}

const processorFile = "processor_config.json";

/**
 * Tokenizer and preprocessing; the two files of the latter say the same, or there is only one that says it.
 */
function assetFiles(
  { assets, config }: DualEncoder,
  directory: string,
): ReadonlyMap<string, string | Buffer> {
  if (assets === undefined) return new Map();
  const preprocessor = assets.preprocessing.format(config.family);
  const files = new Map<string, string | Buffer>([
    ["preprocessor_config.json", jsonText(preprocessor)],
    ...assets.files,
  ]);
  // transformers 5 prefers this file, so that one which lies there from before must not say something else.
  const isOld = !files.has(processorFile) && directory !== "" && existsSync(join(directory, processorFile));
  const processor = config.family === "siglip" ? "SiglipProcessor" : "CLIPProcessor";
  if (isOld)
    files.set(processorFile, jsonText({ processor_class: processor, image_processor: preprocessor }));
  return files;
}
