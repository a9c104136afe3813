import type { nn } from "../torch/index.js";

/** Activations of the feed-forward halves, under the names of Hugging Face's configurations. */
export type Activation = nn.Activation;

/** Those of CLIPs. */
export type ClipActivation = "quick_gelu" | "gelu";

/** A pre-LN transformer, which both towers have. */
export interface TransformerConfig {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly mlpWidth: number;
  readonly activation: Activation;
  readonly layerNormEps: number;
}

export interface TextConfig extends TransformerConfig {
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly startTokenId: number | null;
  readonly padTokenId: number | null;
  readonly endTokenId: number | null;
}

export interface ClipTransformerConfig extends TransformerConfig {
  readonly activation: ClipActivation;
}

export interface ClipTextConfig extends TextConfig, ClipTransformerConfig {
  readonly activation: ClipActivation;
  /** The position of this token is read out; `highestTokenId` stands for the highest id of the prompt. */
  readonly endTokenId: number;
}

export interface VisionConfig extends TransformerConfig {
  readonly imageSize: number;
  readonly patchSize: number;
}

export interface ClipVisionConfig extends VisionConfig, ClipTransformerConfig {
  readonly activation: ClipActivation;
}

/** The shape of a model that encodes images and texts into one space. */
export interface DualEncoderConfig {
  readonly text: TextConfig;
  readonly vision: VisionConfig;
  /** Width of the space that images and texts share. */
  readonly embedDim: number;
}

/** The shape of a CLIP model. */
export interface ClipConfig extends DualEncoderConfig {
  readonly family?: "clip";
  readonly text: ClipTextConfig;
  readonly vision: ClipVisionConfig;
  readonly logitScaleInit: number;
}

/** The shape of a SigLIP model, whose features are as wide as its image encoder. */
export interface SiglipConfig extends DualEncoderConfig {
  readonly family: "siglip";
}

export type ModelFamily = "clip" | "siglip";

/** The shape of a model of any family that is known. */
export type ModelConfig = ClipConfig | SiglipConfig;

/**
 * OpenAI's rule for the position to read out, under the number that Hugging Face configurations written
 * before 2023 have for it.
 */
export const highestTokenId = 2;

/**
 * The token at whose position texts are read out. `undefined` in families that always read the last position
 * or that of the highest id.
 */
export function readOutToken(config: ModelConfig): number | undefined {
  if (config.family === "siglip" || config.text.endTokenId === highestTokenId) return undefined;
  return config.text.endTokenId;
}

/** ln(1 / 0.07), as published. */
export const logitScaleInit = 2.6592;

const base = {
  layers: 12,
  activation: "quick_gelu",
  layerNormEps: 1e-5,
} as const;

const baseText: ClipTextConfig = {
  ...base,
  width: 512,
  heads: 8,
  mlpWidth: 2048,
  vocabSize: 49408,
  contextLength: 77,
  startTokenId: 49406,
  padTokenId: 49407,
  endTokenId: 49407,
};

const baseVision: ClipVisionConfig = {
  ...base,
  width: 768,
  heads: 12,
  mlpWidth: 3072,
  imageSize: 224,
  patchSize: 32,
};

const baseModel: ClipConfig = {
  text: baseText,
  vision: baseVision,
  embedDim: 512,
  logitScaleInit,
};

const largeModel: ClipConfig = {
  text: { ...baseText, width: 768, heads: 12, mlpWidth: 3072 },
  vision: { ...baseVision, width: 1024, heads: 16, mlpWidth: 4096, layers: 24, patchSize: 14 },
  embedDim: 768,
  logitScaleInit,
};

/** The published models, arXiv:2103.00020 table 20. */
export const clipConfigs = {
  "vit-b-32": baseModel,
  "vit-b-16": { ...baseModel, vision: { ...baseVision, patchSize: 16 } },
  "vit-l-14": largeModel,
  "vit-l-14-336": { ...largeModel, vision: { ...largeModel.vision, imageSize: 336 } },
} as const satisfies Record<string, ClipConfig>;
