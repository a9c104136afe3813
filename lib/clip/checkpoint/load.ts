import { existsSync, statSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { type Device, type DType, scope, type Tensor } from "../../torch/index.js";
import { readAssets } from "../assets.js";
import type { ClipConfig, TransformerConfig } from "../config.js";
import { parseConfig } from "../config-json.js";
import { parseJson, readDirectory } from "../files.js";
import { ClipModel, type Precision } from "../model.js";
import { Preprocessing } from "../preprocessing.js";
import { fromOpenAi, toOpenAi } from "./keys.js";
import { parseOpenClipConfig } from "./open-clip.js";
import { checkTowers, configFromShapes, hasOpenAiKeys } from "./openai.js";
import { checkParameters, loadStateDict } from "./parameters.js";
import { findWeights, readWeights } from "./weights.js";

export interface LoadOptions {
  /** Default: `"cpu"`. */
  readonly device?: Device;
  /** Default: `"float32"`. */
  readonly dtype?: DType;
  /** What the encoders compute in. Default: `"fp32"`. */
  readonly precision?: Precision;
  /** Read `.bin` and `.pt` files, of which only tensors, dictionaries and numbers are read. Default: false. */
  readonly allowPickle?: boolean;
  /** A `tokenizer.json` or CLIP's `bpe_simple_vocab_16e6.txt.gz`. Default: what lies beside the weights, if anything. */
  readonly tokenizer?: string;
  /** Of a file in OpenAI's names without a configuration. Default: that of OpenAI's models for their `.pt` files. */
  readonly activation?: TransformerConfig["activation"];
}

/**
 * Loads a CLIP model with vision and text transformers:
 * - a Hugging Face directory, its weights in one file or in parts, as safetensors or `pytorch_model.bin`;
 * - an open_clip directory, or its safetensors file;
 * - a file in OpenAI's names: their `.pt` archives, state dicts, checkpoints of open_clip's training.
 *
 * Tokenizer and preprocessing come from the same directory; a model without a tokenizer still encodes images.
 * @throws if a file is missing, damaged or a pickle that is not allowed, or naming every parameter that does not fit
 */
export function loadModel(path: string, options: LoadOptions = {}): ClipModel {
  const { device = "cpu", dtype = "float32", precision = "fp32" } = options;
  return scope(() => {
    const { config, preprocessing, tensors, source, directory } = readCheckpoint(path, options);
    const { contextLength, vocabSize } = config.text;
    const assets = readAssets(directory, {
      contextLength,
      vocabSize,
      preprocessing,
      tokenizer: options.tokenizer,
    });
    const model = new ClipModel(config, assets, { device, dtype });
    model.precision = precision;
    try {
      loadStateDict(model, tensors, source);
    } catch (error) {
      model.dispose();
      throw error;
    }
    return model;
  });
}

interface Checkpoint {
  readonly config: ClipConfig;
  /** Where the directory has none. */
  readonly preprocessing: Preprocessing;
  /** Under Hugging Face's names. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Path of the weights. */
  readonly source: string;
  readonly directory: string;
}

const huggingFaceConfig = "config.json";
const openClipConfig = "open_clip_config.json";

function readCheckpoint(path: string, options: LoadOptions): Checkpoint {
  if (!existsSync(path)) {
    throw new Error(`${path} is missing: expected a CLIP model. Check the path, or download the model.`);
  }
  const isDirectory = statSync(path).isDirectory();
  const source = isDirectory ? findWeights(path) : path;
  const directory = isDirectory ? path : dirname(path);
  const { tensors, isPlainPickle } = readWeights(source, options.allowPickle ?? false);
  const location = { source, directory };
  if (!hasOpenAiKeys(tensors)) {
    const config = parseConfig(readJson(directory, huggingFaceConfig), join(directory, huggingFaceConfig));
    return { ...location, config, preprocessing: Preprocessing.openai(config.vision.imageSize), tensors };
  }
  checkTowers(tensors, source);
  const isOpenAi = isPlainPickle && extname(source) === ".pt";
  const { config, preprocessing } = existsSync(join(directory, openClipConfig))
    ? parseOpenClipConfig(readJson(directory, openClipConfig), join(directory, openClipConfig))
    : withoutConfig(tensors, options.activation ?? (isOpenAi ? "quick_gelu" : undefined), source);
  // Under the names of the file, so that these are the ones in the message.
  const expected = new ClipModel(config, undefined, { device: "meta" });
  checkParameters(tensors, toOpenAi(expected.stateDict()), source);
  expected.dispose();
  return { ...location, config, preprocessing, tensors: fromOpenAi(tensors) };
}

function withoutConfig(
  tensors: ReadonlyMap<string, Tensor>,
  activation: LoadOptions["activation"],
  source: string,
): Pick<Checkpoint, "config" | "preprocessing"> {
  if (activation === undefined) {
    throw new Error(
      `${source}: nothing says which activation this model has: expected ${openClipConfig} beside it, or the option ` +
        "`activation`. Give 'quick_gelu' for weights of OpenAI and what was trained from them, 'gelu' for others.",
    );
  }
  const config = configFromShapes(tensors, activation, source);
  return { config, preprocessing: Preprocessing.openai(config.vision.imageSize) };
}

function readJson(directory: string, name: string): unknown {
  return parseJson(readDirectory(directory, [name]), name, directory);
}
