import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import {
  createModel,
  type DualEncoder,
  loadModel,
  readAssets,
  type SiglipConfig,
  saveModel,
} from "../../lib/clip/index.js";
import { temporaryDirectory } from "./fixtures.js";

const special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"];
const bytes = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
);
const letters = ["▁", ..."abcdefghijklmnopqrstuvwxyz0123456789.,"];
const words = ["▁pho", "to", "▁photo", "▁red", "▁of"];
const merges = ["▁ p", "▁p h", "▁ph o", "t o", "▁pho to", "▁ r", "▁r e", "▁re d", "▁ o", "▁o f"];
const tokens = [...special, ...bytes, ...letters, "▁p", "▁ph", "▁r", "▁re", "▁o", ...words];

/** A tokenizer of Gemma's kind with some letters and words, as SigLIP 2 has one. */
export const gemmaTokenizer = {
  version: "1.0",
  added_tokens: special.map((content, id) => ({
    ...{ id, content, special: true, normalized: false },
    ...{ single_word: false, lstrip: false, rstrip: false },
  })),
  normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  model: {
    type: "BPE",
    vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    merges,
    byte_fallback: true,
    fuse_unk: true,
    unk_token: "<unk>",
  },
};

export const gemmaTokenizerConfig = {
  tokenizer_class: "Siglip2Tokenizer",
  add_bos_token: false,
  add_eos_token: true,
  padding_side: "right",
  ...{ bos_token: "<bos>", eos_token: "<eos>", pad_token: "<pad>", unk_token: "<unk>" },
};

const tower = { layers: 2, activation: "gelu_pytorch_tanh", layerNormEps: 1e-6 } as const;

/** Images of 32 pixels in 16 patches, texts of 24 tokens. */
export const siglipConfig: SiglipConfig = {
  family: "siglip",
  text: {
    ...{ ...tower, width: 32, heads: 2, mlpWidth: 64, vocabSize: tokens.length, contextLength: 24 },
    ...{ startTokenId: 2, padTokenId: 0, endTokenId: 1 },
  },
  vision: { ...tower, width: 48, heads: 3, mlpWidth: 96, imageSize: 32, patchSize: 8 },
  embedDim: 48,
};

/** Writes a small random SigLIP 2. */
export function writeSiglip(folder: string, { seed = 3, config = siglipConfig } = {}): string {
  mkdirSync(folder, { recursive: true });
  const files = { "tokenizer.json": gemmaTokenizer, "tokenizer_config.json": gemmaTokenizerConfig };
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(folder, name), JSON.stringify(content));
  const { contextLength } = config.text;
  const { imageSize } = config.vision;
  const model = createModel(config, {
    seed,
    assets: readAssets(folder, { family: "siglip", contextLength, imageSize }),
  });
  saveModel(model, folder);
  model.dispose();
  return folder;
}

/** A small random SigLIP 2, frozen. */
export function tinySiglip(): DualEncoder {
  const model = loadModel(writeSiglip(temporaryDirectory())).requiresGrad_(false);
  onTestFinished(() => model.dispose());
  return model;
}
