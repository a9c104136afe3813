export type { AdaptableLayer } from "./adaptable.js";
export { type AssetOptions, type ModelAssets, readAssets } from "./assets.js";
export type { Attention, AttentionOptions, Mix, Select } from "./attention.js";
export { saveOpenAi, saveOpenClip } from "./checkpoint/export.js";
export { fromOpenAi, type StateDict, toOpenAi } from "./checkpoint/keys.js";
export { type LoadOptions, loadModel } from "./checkpoint/load.js";
export { loadStateDict } from "./checkpoint/parameters.js";
export { descriptionFiles, saveModel } from "./checkpoint/save.js";
export {
  type ClipConfig,
  clipConfigs,
  type TextConfig,
  type TransformerConfig,
  type VisionConfig,
} from "./config.js";
export { formatConfig, parseConfig } from "./config-json.js";
export { copyModel } from "./copy.js";
export type { DirectoryFiles } from "./files.js";
export { modelFingerprint, weightsFingerprint } from "./fingerprint.js";
export { type DecodedImage, type DecodeOptions, decodeImage } from "./image.js";
export {
  type ImageTransform,
  resizeAndCenterCrop,
  stretch,
  type TransformedImage,
} from "./image-transform.js";
export { type CreateOptions, createModel, initialise } from "./initialise.js";
export { type ClassifyOptions, ClipModel, defaultPrecision, type Precision } from "./model.js";
export { saveTransformersJs, type TransformersJsOptions } from "./onnx/transformers-js.js";
export { type OnnxDtype, onnxDtypes } from "./onnx/weights.js";
export { Preprocessing, type PreprocessingConfig } from "./preprocessing.js";
export { type PretrainOptions, pretrain } from "./pretrain.js";
export {
  classFeatures,
  classPrompts,
  defaultTemplate,
  encodePrompts,
  fillTemplate,
  type Prompts,
} from "./prompts.js";
export type { TextOptions, TextTransformer } from "./text.js";
export { type EncodeOptions, Tokenizer, type TokenizerOptions } from "./tokenizer.js";
export {
  type Block,
  type BlockAdapter,
  type BlockOptions,
  firstPosition,
  type Mlp,
  type Transformer,
  type TransformerOptions,
} from "./transformer.js";
export type { VisionTransformer } from "./vision.js";
export { byteSymbols, endOfWord, formatTokenizer, type TokenizerFiles, wordPattern } from "./vocabulary.js";
