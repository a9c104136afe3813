/** What both towers share: a pre-LN transformer. */
export interface TransformerConfig {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly mlpWidth: number;
  readonly activation: "quick_gelu" | "gelu";
  readonly layerNormEps: number;
}

export interface TextConfig extends TransformerConfig {
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly startTokenId: number | null;
  readonly padTokenId: number | null;
  /** The position of this token is read out; `highestTokenId` stands for the highest id of the prompt. */
  readonly endTokenId: number;
}

export interface VisionConfig extends TransformerConfig {
  readonly imageSize: number;
  readonly patchSize: number;
}

/** The shape of a CLIP model. */
export interface ClipConfig {
  readonly text: TextConfig;
  readonly vision: VisionConfig;
  /** Width of the space that images and texts share. */
  readonly embedDim: number;
  readonly logitScaleInit: number;
}

/**
 * OpenAI's rule for the position to read out, under the number that Hugging Face configurations written
 * before 2023 have for it.
 */
export const highestTokenId = 2;

/** ln(1 / 0.07), as published. */
export const logitScaleInit = 2.6592;

const base = {
  layers: 12,
  activation: "quick_gelu",
  layerNormEps: 1e-5,
} as const;

const baseText: TextConfig = {
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

const baseVision: VisionConfig = {
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
