import { z } from "zod";
import type { SiglipConfig } from "./config.js";
import {
  checkTowers,
  formatTexts,
  formatTransformer,
  parsed,
  size,
  square,
  texts,
  tokenId,
  transformer,
} from "./tower-json.js";

const tower = {
  hidden_act: z.enum(["gelu_pytorch_tanh", "gelu", "quick_gelu"]).default("gelu_pytorch_tanh"),
  layer_norm_eps: z.number().positive().default(1e-6),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(12),
  hidden_size: size.default(768),
  intermediate_size: size.default(3072),
};

// Published files leave out what has its default in transformers' SiglipTextConfig and SiglipVisionConfig.
const textSchema = z.object({
  ...tower,
  vocab_size: size.default(32000),
  max_position_embeddings: size.default(64),
  projection_size: size.nullish(),
  bos_token_id: tokenId.nullable().default(49406),
  pad_token_id: tokenId.nullable().default(1),
  eos_token_id: tokenId.nullable().default(49407),
});

const visionSchema = z.object({
  ...tower,
  num_channels: z.literal(3).default(3),
  image_size: square.default(224),
  patch_size: square.default(16),
  vision_use_head: z
    .literal(true, "expected true: without its head, the image encoder gives no features")
    .default(true),
});

const configSchema = z.object({
  model_type: z.literal("siglip"),
  text_config: textSchema.nullish().transform((text) => text ?? textSchema.parse({})),
  vision_config: visionSchema.nullish().transform((vision) => vision ?? visionSchema.parse({})),
});

/** `parseConfig` of a SigLIP. @throws if features of texts and of images differ in width */
export function parseSiglipConfig(json: unknown, source: string): SiglipConfig {
  const { text_config: text, vision_config: vision } = parsed(configSchema, json, "SigLIP", source);
  const config: SiglipConfig = {
    family: "siglip",
    text: {
      ...transformer(text),
      ...texts(text),
    },
    vision: { ...transformer(vision), imageSize: vision.image_size, patchSize: vision.patch_size },
    embedDim: text.projection_size ?? text.hidden_size,
  };
  checkTowers(config, source);
  if (config.embedDim !== config.vision.width) {
    throw new Error(
      `${source}: text_config: expected a projection_size of ${config.vision.width}, the hidden_size of vision_config, got ` +
        `${config.embedDim}. Correct one of them.`,
    );
  }
  return config;
}

/** `formatConfig` of a SigLIP. */
export function formatSiglipConfig({ text, vision, embedDim }: SiglipConfig): Record<string, unknown> {
  return {
    architectures: ["SiglipModel"],
    model_type: "siglip",
    text_config: {
      model_type: "siglip_text_model",
      ...formatTransformer(text),
      projection_size: embedDim,
      ...formatTexts(text),
    },
    vision_config: {
      model_type: "siglip_vision_model",
      ...formatTransformer(vision),
      num_channels: 3,
      image_size: vision.imageSize,
      patch_size: vision.patchSize,
    },
  };
}
