import { z } from "zod";
import { firstLines } from "../options/index.js";
import type { Activation, DualEncoderConfig, TransformerConfig } from "./config.js";

// Fields that Hugging Face's configurations of all families have in common.

export const size = z.int().positive();
export const tokenId = z.int().nonnegative();

/** A side in pixels, or twice the same one. */
export const square = z.union([
  size,
  z
    .tuple([size, size])
    .refine(([height, width]) => height === width, "expected a square")
    .transform(([side]) => side),
]);

/** @throws with every wrong field */
export function parsed<Schema extends z.ZodType>(
  schema: Schema,
  json: unknown,
  model: string,
  source: string,
): z.infer<Schema> {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new Error(
    `${source}: not the configuration of a ${model} model.\n${firstLines(z.prettifyError(result.error), 7)}\nCorrect these fields.`,
  );
}

interface Tower<A extends Activation> {
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  readonly hidden_act: A;
  readonly layer_norm_eps: number;
}

export function transformer<A extends Activation>(
  tower: Tower<A>,
): TransformerConfig & { readonly activation: A } {
  return {
    width: tower.hidden_size,
    layers: tower.num_hidden_layers,
    heads: tower.num_attention_heads,
    mlpWidth: tower.intermediate_size,
    activation: tower.hidden_act,
    layerNormEps: tower.layer_norm_eps,
  };
}

export function formatTransformer(config: TransformerConfig): Tower<Activation> {
  return {
    hidden_size: config.width,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    intermediate_size: config.mlpWidth,
    hidden_act: config.activation,
    layer_norm_eps: config.layerNormEps,
  };
}

interface Texts<End> {
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
  readonly bos_token_id: number | null;
  readonly pad_token_id: number | null;
  readonly eos_token_id: End;
}

/** Fields of a text encoder beside those of its transformer. */
export function texts<End extends number | null>(tower: Texts<End>) {
  return {
    vocabSize: tower.vocab_size,
    contextLength: tower.max_position_embeddings,
    startTokenId: tower.bos_token_id,
    padTokenId: tower.pad_token_id,
    endTokenId: tower.eos_token_id,
  };
}

export function formatTexts(config: DualEncoderConfig["text"]): Texts<number | null> {
  return {
    vocab_size: config.vocabSize,
    max_position_embeddings: config.contextLength,
    bos_token_id: config.startTokenId,
    pad_token_id: config.padTokenId,
    eos_token_id: config.endTokenId,
  };
}

/** @throws if heads do not divide a width, or a patch is larger than the image */
export function checkTowers({ text, vision }: DualEncoderConfig, source: string): void {
  for (const [name, { width, heads }] of Object.entries({ text_config: text, vision_config: vision })) {
    if (width % heads === 0) continue;
    throw new Error(
      `${source}: ${name}: hidden_size ${width} is not a multiple of num_attention_heads ${heads}. Correct one of them.`,
    );
  }
  const { patchSize, imageSize } = vision;
  if (patchSize <= imageSize) return;
  throw new Error(
    `${source}: vision_config: expected a patch_size of at most image_size ${imageSize}, got ${patchSize}. Correct one of them.`,
  );
}
