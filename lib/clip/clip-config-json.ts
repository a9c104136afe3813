import { z } from "zod";
import { type ClipConfig, logitScaleInit } from "./config.js";
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
  hidden_act: z.enum(["quick_gelu", "gelu"]).default("quick_gelu"),
  layer_norm_eps: z.number().positive().default(1e-5),
  num_hidden_layers: size.default(12),
};

// Published files leave out what has its default in transformers' CLIPTextConfig, CLIPVisionConfig and
// CLIPConfig.
const textSchema = z.object({
  ...tower,
  vocab_size: size.default(49408),
  hidden_size: size.default(512),
  intermediate_size: size.default(2048),
  num_attention_heads: size.default(8),
  max_position_embeddings: size.default(77),
  bos_token_id: tokenId.nullable().default(49406),
  pad_token_id: tokenId.nullable().default(1),
  eos_token_id: tokenId.default(49407),
});

const visionSchema = z.object({
  ...tower,
  hidden_size: size.default(768),
  intermediate_size: size.default(3072),
  num_attention_heads: size.default(12),
  num_channels: z.literal(3).default(3),
  image_size: square.default(224),
  patch_size: square.default(32),
});

const configSchema = z.object({
  model_type: z.literal("clip").default("clip"),
  text_config: textSchema.prefault({}),
  vision_config: visionSchema.prefault({}),
  projection_dim: size.default(512),
  logit_scale_init_value: z.number().default(logitScaleInit),
});

/** `parseConfig` of a CLIP. */
export function parseClipConfig(json: unknown, source: string): ClipConfig {
  const fields = parsed(configSchema, withLegacyFields(json), "CLIP", source);
  const { text_config: text, vision_config: vision, ...rest } = fields;
  const config: ClipConfig = {
    text: {
      ...transformer(text),
      ...texts(text),
    },
    vision: { ...transformer(vision), imageSize: vision.image_size, patchSize: vision.patch_size },
    embedDim: rest.projection_dim,
    logitScaleInit: rest.logit_scale_init_value,
  };
  checkTowers(config, source);
  return config;
}

/** `formatConfig` of a CLIP. */
export function formatClipConfig(config: ClipConfig): Record<string, unknown> {
  const { text, vision } = config;
  return {
    architectures: ["CLIPModel"],
    model_type: "clip",
    projection_dim: config.embedDim,
    logit_scale_init_value: config.logitScaleInit,
    text_config: {
      model_type: "clip_text_model",
      ...formatTransformer(text),
      projection_dim: config.embedDim,
      ...formatTexts(text),
    },
    vision_config: {
      model_type: "clip_vision_model",
      ...formatTransformer(vision),
      projection_dim: config.embedDim,
      num_channels: 3,
      image_size: vision.imageSize,
      patch_size: vision.patchSize,
    },
  };
}

// Files written before transformers 4.27 may hold the towers' fields twice. The `_dict` ones win, with what
// they leave out at its default.
function withLegacyFields(json: unknown): unknown {
  if (typeof json !== "object" || json === null) return json;
  const { text_config, text_config_dict, vision_config, vision_config_dict, ...rest } = json as Record<
    string,
    object | null
  >;
  return {
    ...rest,
    text_config: text_config_dict ?? text_config ?? {},
    vision_config: vision_config_dict ?? vision_config ?? {},
  };
}
