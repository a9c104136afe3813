export type { AdaptableLayer } from "./adaptable.js";
export { type AssetOptions, type ModelAssets, readAssets } from "./assets.js";
export type { Attention, AttentionOptions, Mix, Select } from "./attention.js";
export type { AttentionPooledVision } from "./attention-pooled-vision.js";
export type { BidirectionalText } from "./bidirectional-text.js";
export { BulkEncoder, type BulkOptions } from "./bulk-encoder.js";
export type { CausalText } from "./causal-text.js";
export { saveOpenAi, saveOpenClip } from "./checkpoint/export.js";
export { fromOpenAi, type StateDict, toOpenAi } from "./checkpoint/keys.js";
export { loadModel } from "./checkpoint/load.js";
export type { LoadOptions } from "./checkpoint/load-options.js";
export { loadStateDict } from "./checkpoint/parameters.js";
export { descriptionFiles, saveModel } from "./checkpoint/save.js";
export type { ClassTokenVision } from "./class-token-vision.js";
export { ClipModel } from "./clip-model.js";
export {
  type Activation,
  type ClipActivation,
  type ClipConfig,
  type ClipTextConfig,
  type ClipTransformerConfig,
  type ClipVisionConfig,
  clipConfigs,
  type DualEncoderConfig,
  type ModelConfig,
  type ModelFamily,
  type SiglipConfig,
  type TextConfig,
  type TransformerConfig,
  type VisionConfig,
} from "./config.js";
export { formatConfig, parseConfig } from "./config-json.js";
export { copyModel, copyTextEncoder } from "./copy.js";
export type { DecodeLimits } from "./decode-limits.js";
export { type ClassifyOptions, DualEncoder, defaultPrecision, type Precision } from "./dual-encoder.js";
export { equalPrompts, promptTokens } from "./equal-prompts.js";
export type { DirectoryFiles } from "./files.js";
export { modelFingerprint, weightsFingerprint } from "./fingerprint.js";
export { type DecodedImage, type DecodeOptions, decodeImage } from "./image.js";
export {
  type ImageTransform,
  resizeAndCenterCrop,
  stretch,
  type TransformedImage,
  type TransformOptions,
} from "./image-transform.js";
export { type CreateOptions, createModel, initialise } from "./initialise.js";
export { saveTransformersJs, type TransformersJsOptions } from "./onnx/transformers-js.js";
export { type OnnxDtype, onnxDtypes } from "./onnx/weights.js";
export { PackedVision, type PackOptions } from "./packed-vision.js";
export { Preprocessing, type PreprocessingConfig } from "./preprocessing.js";
export { type EarlierPretrainOptions, type PretrainOptions, pretrain } from "./pretrain.js";
export {
  classFeatures,
  classPrompts,
  defaultTemplate,
  encodePrompts,
  fillTemplate,
  type Prompts,
} from "./prompts.js";
export { SiglipModel } from "./siglip-model.js";
export { type EncodeOptions, Tokenizer, type TokenizerOptions } from "./tokenizer.js";
export type { TextOptions, TextTower, VisionTower } from "./towers.js";
export {
  type Block,
  type BlockAdapter,
  type BlockOptions,
  firstPosition,
  type Mlp,
  type Transformer,
  type TransformerOptions,
} from "./transformer.js";
export { byteSymbols, endOfWord, formatTokenizer, type TokenizerFiles, wordPattern } from "./vocabulary.js";
