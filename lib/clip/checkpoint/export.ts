import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { jsonText, writeDirectory } from "../../files/index.js";
import { archive, noGrad, safetensors, scope } from "../../torch/index.js";
import type { ClipModel } from "../clip-model.js";
import { highestTokenId, type TransformerConfig } from "../config.js";
import type { DualEncoder } from "../dual-encoder.js";
import { onlyClip } from "../only-clip.js";
import { Preprocessing } from "../preprocessing.js";
import { toOpenAi } from "./keys.js";

/** Comment in files of `saveOpenAi`: names and shapes do not tell the activation. */
export const openAiComment = "activation: quick_gelu";

const openAiVocabSize = 49408;
const openAiHeadWidth = 64;

/**
 * Writes a directory that open_clip loads as `local-dir:…`: `open_clip_config.json`,
 * `open_clip_model.safetensors` and the model's tokenizer files.
 * @throws naming everything in the model that this format cannot hold; then nothing is written
 */
export function saveOpenClip(given: DualEncoder, directory: string): void {
  const model = onlyClip(given, "open_clip");
  checkFits("open_clip", sharedDemands(model));
  const { mean, std, resize } = preprocessingOf(model);
  const config = {
    model_cfg: openClipConfig(model),
    preprocess_cfg: { mean, std, interpolation: "bicubic", resize_mode: resize },
  };
  writeDirectory(directory, (temporary) => {
    for (const [name, content] of model.assets?.files ?? []) {
      if (!name.endsWith("processor_config.json")) writeFileSync(join(temporary, name), content);
    }
    writeFileSync(join(temporary, "open_clip_config.json"), jsonText(config));
    const path = join(temporary, "open_clip_model.safetensors");
    noGrad(() => scope(() => safetensors.save(path, toOpenAi(model.stateDict()), { format: "pt" })));
  });
}

/**
 * Writes a state dict that the `build_model` of OpenAI's package takes, as `torch.save` would: its shape says
 * what model it is.
 * @throws naming everything in the model that OpenAI's CLIP does differently; then nothing is written
 */
export function saveOpenAi(given: DualEncoder, path: string): void {
  const model = onlyClip(given, "OpenAI's format");
  checkFits("OpenAI's CLIP", [...sharedDemands(model), ...openAiDemands(model)]);
  mkdirSync(dirname(path), { recursive: true });
  noGrad(() => scope(() => archive.save(path, toOpenAi(model.stateDict()), { comment: openAiComment })));
}

function openClipConfig({ config: { embedDim, vision, text } }: ClipModel): Record<string, unknown> {
  return {
    embed_dim: embedDim,
    quick_gelu: vision.activation === "quick_gelu",
    vision_cfg: {
      image_size: vision.imageSize,
      patch_size: vision.patchSize,
      width: vision.width,
      layers: vision.layers,
      head_width: vision.width / vision.heads,
      mlp_ratio: mlpRatio(vision),
    },
    text_cfg: {
      context_length: text.contextLength,
      vocab_size: text.vocabSize,
      width: text.width,
      layers: text.layers,
      heads: text.heads,
      mlp_ratio: mlpRatio(text),
      // Without it, open_clip takes OpenAI's vocabulary; with it, the tokenizer in the directory.
      ...(text.vocabSize === openAiVocabSize ? {} : { hf_tokenizer_name: "." }),
    },
  };
}

/**
 * A ratio of which Python's `int(width * ratio)` is the width of the MLP: the quotient may round to a little
 * less.
 */
function mlpRatio({ width, mlpWidth }: TransformerConfig): number {
  const ratio = mlpWidth / width;
  return Math.trunc(width * ratio) === mlpWidth ? ratio : (mlpWidth + 0.5) / width;
}

type Demand = readonly [what: string, found: unknown, expected: unknown];

function sharedDemands(model: ClipModel): Demand[] {
  const { text, vision } = model.config;
  const { size, cropSize, rescaleFactor, filter = "bicubic" } = preprocessingOf(model);
  const adapted = model.adaptableLayers().find(({ linear }) => linear.adapter !== undefined);
  const readOut = text.endTokenId === highestTokenId ? text.vocabSize - 1 : text.endTokenId;
  return [
    ["adapters", adapted?.name ?? "none", "none"],
    ["text activation", text.activation, vision.activation],
    ["preprocessing filter", filter, "bicubic"],
    ["text layerNormEps", text.layerNormEps, 1e-5],
    ["vision layerNormEps", vision.layerNormEps, 1e-5],
    ["endTokenId, the highest id", readOut, text.vocabSize - 1],
    ["preprocessing size", size, vision.imageSize],
    ["preprocessing cropSize", cropSize, vision.imageSize],
    ["preprocessing rescaleFactor", rescaleFactor, 1 / 255],
  ];
}

function openAiDemands(model: ClipModel): Demand[] {
  const { text, vision } = model.config;
  const { mean, std, resize } = preprocessingOf(model);
  const openAi = Preprocessing.openai();
  const ofTower = (tower: string, { width, heads, mlpWidth }: TransformerConfig): Demand[] => [
    [`${tower} heads, width / ${openAiHeadWidth}`, heads, width / openAiHeadWidth],
    [`${tower} mlpWidth, 4 · width`, mlpWidth, 4 * width],
  ];
  return [
    ...ofTower("text", text),
    ...ofTower("vision", vision),
    ["vision activation", vision.activation, "quick_gelu"],
    ["preprocessing resize", resize, "shortest"],
    ["image size, a multiple of the patch size", vision.imageSize % vision.patchSize, 0],
    ["preprocessing mean", mean, openAi.mean],
    ["preprocessing std", std, openAi.std],
  ];
}

function checkFits(format: string, demands: readonly Demand[]): void {
  const misfits = demands
    .filter(([, found, expected]) => String(found) !== String(expected))
    .map(([what, found, expected]) => `  ${what}: expected ${expected}, got ${found}`);
  if (misfits.length === 0) return;
  throw new Error(
    `This model cannot be written for ${format}.\n${misfits.join("\n")}\nWrite it as a Hugging Face directory: saveModel, or --format huggingface.`,
  );
}

function preprocessingOf({ assets, config }: ClipModel): Preprocessing {
  return assets?.preprocessing ?? Preprocessing.openai(config.vision.imageSize);
}
