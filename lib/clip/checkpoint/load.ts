import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkOptions, type OptionKeys } from "../../options/index.js";
import { archive, type Device, type DType, scope, type Tensor } from "../../torch/index.js";
import { checkAssets, readAssets } from "../assets.js";
import type { ClipActivation, ModelConfig } from "../config.js";
import { parseConfig } from "../config-json.js";
import { type DecodeLimits, decodeLimitKeys } from "../decode-limits.js";
import type { DualEncoder, Precision } from "../dual-encoder.js";
import { newModel } from "../families.js";
import { parseJson, readDirectory } from "../files.js";
import type { DecodeOptions } from "../image.js";
import { Preprocessing } from "../preprocessing.js";
import { openAiComment } from "./export.js";
import { type FoundModel, findModel, noModel, withoutWrappers } from "./find-model.js";
import { fromOpenAi, type StateDict, toOpenAi } from "./keys.js";
import { parseOpenClipConfig } from "./open-clip.js";
import {
  activationOfScript,
  checkTowers,
  configFromShapes,
  hasOpenAiSizes,
  withoutCustomText,
} from "./openai.js";
import { checkParameters, loadStateDict } from "./parameters.js";
import { checkFinite, checkMemory, checkSizes } from "./sizes.js";
import { findWeights, isArchive, readWeights, type Weights } from "./weights.js";

export interface LoadOptions extends DecodeLimits {
  /** Default: `"cpu"`. */
  readonly device?: Device;
  /** Default: `"float32"`. */
  readonly dtype?: DType;
  /** Precision of the encoders. Default: `"fp32"`. */
  readonly precision?: Precision;
  /**
   * Read `.bin` and `.pt` files, of which only tensors, dictionaries and numbers are read. Default: false.
   */
  readonly allowPickle?: boolean;
  /**
   * A `tokenizer.json` or CLIP's `bpe_simple_vocab_16e6.txt.gz`. Default: what lies beside the weights, if
   * anything.
   */
  readonly tokenizer?: string;
  /**
   * Default: what the configuration says, or the code of one of OpenAI's archives. Counts where both are
   * there, with a note if they differ.
   */
  readonly activation?: ClipActivation;
  /**
   * Which model of a file that holds several: what stands before the names, such as `ema`. Default: the one
   * that is no average.
   */
  readonly weights?: string;
  /** Load weights with NaN or infinite numbers, which make every result so. Default: an error. */
  readonly allowNonFinite?: boolean;
  /** Cut texts that are longer than the context. Default: an error, as in OpenAI's tokenizer. */
  readonly truncate?: boolean;
  /** Turn image files upright as their EXIF tag says. Default: false, as in CLIP's own code. */
  readonly orient?: boolean;
  /** `white` lays transparent images on white. Default: `drop`, as in CLIP's own code. */
  readonly transparency?: DecodeOptions["transparency"];
  /**
   * Leave the weights where they are in a safetensors file, mapped into memory, rather than copy them. The
   * file must stay as it is while the model is in use; changing the weights does not change it. Default:
   * false. Of other dtypes or devices, and of stacked q, k and v, there is a copy all the same.
   */
  readonly shareFile?: boolean;
  /**
   * Told what was taken off the names, left out or decided otherwise than a file says. Default: a line on
   * stderr. The notes are also in `model.notes`.
   */
  readonly onNote?: (note: string) => void;
}

const loadOptionKeys: OptionKeys<LoadOptions> = {
  device: true,
  dtype: true,
  precision: true,
  allowPickle: true,
  tokenizer: true,
  activation: true,
  weights: true,
  allowNonFinite: true,
  truncate: true,
  orient: true,
  transparency: true,
  ...decodeLimitKeys,
  shareFile: true,
  onNote: true,
};

/**
 * Loads a CLIP model with vision and text transformers, or a SigLIP model for images of one size, which is a
 * Hugging Face directory. A CLIP is
 * - a Hugging Face directory, its weights in one file or in parts, as safetensors or `pytorch_model.bin`;
 * - an open_clip directory, or its safetensors file;
 * - a file in the names of OpenAI or of Hugging Face: OpenAI's `.pt` archives, state dicts, checkpoints of
 *   training programs. The parameters are found in any dictionary and under any prefix.
 *
 * Tokenizer and preprocessing come from the same directory; a model without a tokenizer still encodes images.
 * @throws if a file is missing, damaged or a pickle that is not allowed, if files contradict each other, or
 * naming the parameters that do not fit
 */
export function loadModel(path: string, options: LoadOptions = {}): DualEncoder {
  checkOptions(options, loadOptionKeys, "loadModel");
  const { device = "cpu", dtype = "float32", precision = "fp32" } = options;
  return scope(() => {
    const { config, preprocessing, isOpenClip, tensors, source, directory, notes } = readCheckpoint(
      path,
      options,
    );
    const { contextLength, vocabSize } = config.text;
    const assets = readAssets(directory, {
      family: config.family ?? "clip",
      contextLength,
      vocabSize,
      preprocessing,
      ownPreprocessing: isOpenClip,
      repairsText: isOpenClip,
      tokenizer: options.tokenizer,
      truncate: options.truncate,
      decoding: {
        orient: options.orient,
        transparency: options.transparency,
        limitInputPixels: options.limitInputPixels,
        decodeTimeoutSeconds: options.decodeTimeoutSeconds,
      },
    });
    checkAssets(assets, config, directory);
    const model = newModel(config, assets, { device, dtype });
    model.precision = precision;
    model.notes = [...notes, ...notesAboutCase(model)];
    try {
      // Buffers beside the parameters, such as the mask, are infinite by design.
      const parameters = model.stateDict();
      const taken = new Map([...tensors].filter(([key]) => parameters.has(key)));
      if (options.allowNonFinite !== true) checkFinite(taken, source);
      loadStateDict(model, tensors, source, { shared: options.shareFile === true });
    } catch (error) {
      model.dispose();
      throw error;
    }
    for (const note of model.notes) (options.onNote ?? printNote)(`${source}: ${note}`);
    return model;
  });
}

const bytesOf: Partial<Record<DType, number>> = { float16: 2, bfloat16: 2, float64: 8 };

function printNote(note: string): void {
  process.stderr.write(`codyra: ${note}\n`);
}

interface Checkpoint {
  readonly config: ModelConfig;
  /** Preprocessing if the directory has none. */
  readonly preprocessing: Preprocessing;
  /**
   * Whether open_clip's configuration describes the model: then its own preprocessing counts, and texts are
   * repaired as it does.
   */
  readonly isOpenClip: boolean;
  /** Under Hugging Face's names. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Path of the weights. */
  readonly source: string;
  readonly directory: string;
  readonly notes: readonly string[];
}

/** A model as its configuration, or else the shapes of its parameters, describe it. */
interface Description {
  readonly config: ModelConfig;
  readonly preprocessing: Preprocessing;
  readonly isOpenClip: boolean;
  /**
   * Where the configuration was read, or the activation recognised; `undefined` where nothing says the
   * activation.
   */
  readonly activationFrom: string | undefined;
}

const huggingFaceConfig = "config.json";
const openClipConfig = "open_clip_config.json";

function readCheckpoint(path: string, options: LoadOptions): Checkpoint {
  if (!existsSync(path)) {
    throw new Error(
      `${path} is missing: expected a CLIP or SigLIP model. Check the path, or download the model.`,
    );
  }
  const isDirectory = statSync(path).isDirectory();
  const source = isDirectory ? findWeights(path) : path;
  const directory = isDirectory ? path : dirname(path);
  const weights = readWeights(source, options.allowPickle ?? false);
  const found = findModel(weights.tensors, source, options.weights);
  if (found === undefined) throw whyNoModel(weights, source, directory);
  const notes = [...found.notes];
  const named = {
    ...found,
    tensors: found.naming === "openai" ? withoutCustomText(found.tensors) : found.tensors,
  };
  if (found.naming === "openai") checkTowers(named.tensors, source);
  const described = describe(named, source, directory, options);
  const isClip = described.config.family !== "siglip";
  const tensors = isClip ? scalarLogits(named.tensors, notes) : named.tensors;
  const said = described.activationFrom ?? source;
  checkSizes(described.config, named.tensors, said.endsWith(".json") ? said : source, source);
  const empty = newModel(described.config, undefined, { device: "meta" });
  try {
    // Under the names of the file, so that these are the ones in the message.
    const expected = found.naming === "openai" ? toOpenAi(empty.stateDict()) : empty.stateDict();
    checkNothingNeededWasSkipped(weights, found, expected);
    checkParameters(tensors, expected, source);
    checkMemory(expected, bytesOf[options.dtype ?? "float32"] ?? 4, source);
  } finally {
    empty.dispose();
  }
  notes.push(...notesAboutSkipped(weights));
  const config = withActivation(described, options.activation, source, notes);
  return {
    ...described,
    config,
    source,
    directory,
    notes,
    tensors: found.naming === "openai" ? fromOpenAi(tensors) : tensors,
  };
}

/** The error about weights without a model: the configuration beside them may tell more. */
function whyNoModel({ tensors, skipped }: Weights, source: string, directory: string): Error {
  const path = join(directory, huggingFaceConfig);
  if (existsSync(path) && !existsSync(join(directory, openClipConfig))) {
    parseConfig(readJson(directory, huggingFaceConfig), path);
  }
  const [unread] = skipped.values();
  if (tensors.size === 0 && unread !== undefined) return unread;
  const error = noModel(tensors, source);
  // It may lie in what was not read, such as a whole module.
  const names = [...skipped.keys()].slice(0, 3).map((name) => `'${name}'`);
  return unread === undefined
    ? error
    : new Error(`${error.message}\nNot read: ${names.join(", ")}. ${unread.message}`);
}

function describe(found: FoundModel, source: string, directory: string, options: LoadOptions): Description {
  const openClipPath = join(directory, openClipConfig);
  const huggingFacePath = join(directory, huggingFaceConfig);
  if (found.naming === "openai" && existsSync(openClipPath)) {
    const parsed = parseOpenClipConfig(readJson(directory, openClipConfig), openClipPath);
    return { ...parsed, isOpenClip: true, activationFrom: openClipPath };
  }
  if (found.naming === "huggingface" && (existsSync(huggingFacePath) || options.activation === undefined)) {
    const config = parseConfig(readJson(directory, huggingFaceConfig), huggingFacePath);
    const preprocessing = Preprocessing.published(config.family, config.vision.imageSize);
    return { config, preprocessing, isOpenClip: false, activationFrom: huggingFacePath };
  }
  if (found.tensors.has("vision_model.head.probe")) {
    throw new Error(
      `${source}: the weights of a SigLIP: expected ${huggingFaceConfig} beside them, as their shapes do not tell all. ` +
        "Put the configuration there.",
    );
  }
  const recognised = recogniseActivation(found, source);
  const isOpenAi = found.naming === "openai";
  const named = isOpenAi ? found.tensors : toOpenAi(withoutAttention(found.tensors));
  const config = configFromShapes(named, recognised ?? options.activation ?? "quick_gelu", source);
  const preprocessing = Preprocessing.openai(config.vision.imageSize);
  const activationFrom = recognised === undefined ? undefined : "the archive";
  return { config, preprocessing, isOpenClip: false, activationFrom };
}

/** q, k and v need not be fused to see their shapes. */
function withoutAttention(tensors: StateDict): StateDict {
  return new Map([...tensors].filter(([key]) => !key.includes(".self_attn.")));
}

/**
 * OpenAI's archives are known by what they hold: the code of their model, or three sizes among the
 * parameters.
 */
function recogniseActivation({ tensors }: FoundModel, source: string): ClipActivation | undefined {
  if (!isArchive(source)) return undefined;
  if (archive.comment(source) === openAiComment) return "quick_gelu"; // written by `saveOpenAi`
  return (
    activationOfScript(archive.scriptCode(source)) ?? (hasOpenAiSizes(tensors) ? "quick_gelu" : undefined)
  );
}

function withActivation(
  { config, activationFrom }: Description,
  wanted: LoadOptions["activation"],
  source: string,
  notes: string[],
): ModelConfig {
  if (wanted === undefined) {
    if (activationFrom !== undefined) return config;
    throw new Error(
      `${source}: nothing says which activation this model has: expected ${openClipConfig} beside it, or the option ` +
        "`activation`. Give 'quick_gelu' for weights of OpenAI and what was trained from them, 'gelu' for others.",
    );
  }
  const said = [config.text.activation, config.vision.activation].filter(
    (activation) => activation !== wanted,
  );
  if (said.length === 0) return config;
  notes.push(
    `computes ${wanted}, as the option \`activation\` says, where ${activationFrom} says ${said[0]}`,
  );
  return {
    ...config,
    text: { ...config.text, activation: wanted },
    vision: { ...config.vision, activation: wanted },
  } as ModelConfig;
}

/**
 * PyTorch and open_clip take a scale of one element for a scalar; a bias of all logits changes no feature and
 * no probability over classes.
 */
function scalarLogits(tensors: StateDict, notes: string[]): StateDict {
  const result = new Map(tensors);
  const scale = tensors.get("logit_scale");
  if (scale !== undefined && scale.dim() > 0 && scale.numel() === 1)
    result.set("logit_scale", scale.reshape([]));
  const bias = tensors.get("logit_bias");
  if (bias?.numel() === 1) {
    result.delete("logit_bias");
    notes.push("left out logit_bias, which changes no feature and no probability over classes");
  }
  return result;
}

/** SigLIPs were trained on small letters alone, which not every tokenizer of theirs makes. */
function notesAboutCase({ config, assets }: DualEncoder): string[] {
  const tokenizer = assets?.tokenizer;
  if (config.family !== "siglip" || tokenizer === undefined) return [];
  const lowers = scope(() => tokenizer.encode(["A"]).equal(tokenizer.encode(["a"])));
  return lowers
    ? []
    : [
        "reads capital letters as they are, as transformers does with this tokenizer; the model was trained on small ones: write labels in them",
      ];
}

/** @throws with the reason why a parameter was not read */
function checkNothingNeededWasSkipped({ skipped }: Weights, found: FoundModel, expected: StateDict): void {
  for (const [path, error] of skipped) {
    const name = withoutWrappers(path);
    const isNeeded = [...expected.keys()].some((key) => {
      const names = [found.prefix + key, `${found.prefix}text.${key}`];
      return (
        !found.tensors.has(key) && names.some((wanted) => wanted === name || wanted.startsWith(`${name}.`))
      );
    });
    if (isNeeded) throw error;
  }
}

function notesAboutSkipped({ skipped }: Weights): string[] {
  const names = [...skipped.keys()];
  if (names.length === 0) return [];
  const reasons = new Set(
    Array.from(skipped.values(), ({ message }) => /(?:asks for|holds|has) [^,:]+/.exec(message)?.[0]),
  );
  const some = names
    .slice(0, 3)
    .map((name) => `'${name}'`)
    .join(", ");
  const first = [...reasons].slice(0, 3).join("; ");
  return [
    `skipped what no weight needs: ${some}${names.length > 3 ? ` and ${names.length - 3} more` : ""} (it ${first})`,
  ];
}

function readJson(directory: string, name: string): unknown {
  return parseJson(readDirectory(directory, [name]), name, directory);
}
