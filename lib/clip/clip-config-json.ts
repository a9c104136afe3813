import { z } from "zod";
import { firstLines } from "../options/index.js";
import { type ClipConfig, logitScaleInit, type TransformerConfig } from "./config.js";

const size = z.int().positive();
const tokenId = z.int().nonnegative();

/** A side in pixels, or twice the same one. */
const square = z.union([
  size,
  z
    .tuple([size, size])
    .refine(([height, width]) => height === width, "expected a square")
    .transform(([side]) => side),
]);

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

/**
 * Reads the content of a Hugging Face `config.json`.
 * @param source named in the error, such as the path of the file
 * @throws with every wrong field
 */
export function parseConfig(json: unknown, source = "config.json"): ClipConfig {
  const parsed = configSchema.safeParse(withLegacyFields(json));
  if (!parsed.success) {
    throw new Error(
      `${source}: not the configuration of a CLIP model.\n${firstLines(z.prettifyError(parsed.error), 7)}\nCorrect these fields.`,
    );
  }
  const { text_config: text, vision_config: vision, ...rest } = parsed.data;
  const config: ClipConfig = {
    text: {
      ...transformer(text),
      vocabSize: text.vocab_size,
      contextLength: text.max_position_embeddings,
      startTokenId: text.bos_token_id,
      padTokenId: text.pad_token_id,
      endTokenId: text.eos_token_id,
    },
    vision: { ...transformer(vision), imageSize: vision.image_size, patchSize: vision.patch_size },
    embedDim: rest.projection_dim,
    logitScaleInit: rest.logit_scale_init_value,
  };
  checkDivisible(
    config.text.width,
    config.text.heads,
    "text_config: hidden_size",
    "num_attention_heads",
    source,
  );
  checkDivisible(
    config.vision.width,
    config.vision.heads,
    "vision_config: hidden_size",
    "num_attention_heads",
    source,
  );
  if (config.vision.patchSize > config.vision.imageSize) {
    const { patchSize, imageSize } = config.vision;
    throw new Error(
      `${source}: vision_config: expected a patch_size of at most image_size ${imageSize}, got ${patchSize}. Correct one of them.`,
    );
  }
  return config;
}

/** The content of a `config.json` that `transformers` reads back as the same model. */
export function formatConfig(config: ClipConfig): Record<string, unknown> {
  const { text, vision } = config;
  return {
    architectures: ["CLIPModel"],
    model_type: "clip",
    projection_dim: config.embedDim,
    logit_scale_init_value: config.logitScaleInit,
    text_config: {
      model_type: "clip_text_model",
      ...formatTransformer(text, config.embedDim),
      vocab_size: text.vocabSize,
      max_position_embeddings: text.contextLength,
      bos_token_id: text.startTokenId,
      pad_token_id: text.padTokenId,
      eos_token_id: text.endTokenId,
    },
    vision_config: {
      model_type: "clip_vision_model",
      ...formatTransformer(vision, config.embedDim),
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

type Tower = z.infer<typeof textSchema> | z.infer<typeof visionSchema>;

function transformer(tower: Tower): TransformerConfig {
  return {
    width: tower.hidden_size,
    layers: tower.num_hidden_layers,
    heads: tower.num_attention_heads,
    mlpWidth: tower.intermediate_size,
    activation: tower.hidden_act,
    layerNormEps: tower.layer_norm_eps,
  };
}

function formatTransformer(config: TransformerConfig, embedDim: number): Record<string, unknown> {
  return {
    hidden_size: config.width,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    intermediate_size: config.mlpWidth,
    hidden_act: config.activation,
    layer_norm_eps: config.layerNormEps,
    projection_dim: embedDim,
  };
}

function checkDivisible(
  total: number,
  divisor: number,
  totalName: string,
  divisorName: string,
  source: string,
): void {
  if (total % divisor !== 0) {
    throw new Error(
      `${source}: ${totalName} ${total} is not a multiple of ${divisorName} ${divisor}. Correct one of them.`,
    );
  }
}
