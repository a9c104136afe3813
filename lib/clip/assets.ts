import { existsSync } from "node:fs";
import { join } from "node:path";
import { checkOptions, type OptionKeys } from "../options/index.js";
import { type ModelConfig, type ModelFamily, readOutToken } from "./config.js";
import { type DirectoryFiles, parseJson, readDirectory } from "./files.js";
import { type FoundTokenizer, findTokenizer, parseVocabulary, vocabularyFile } from "./find-tokenizer.js";
import type { DecodeOptions } from "./image.js";
import { Preprocessing } from "./preprocessing.js";
import { Tokenizer } from "./tokenizer.js";
import { noSentencePiece, sentencePieceFile } from "./tokenizer-files.js";

/** Tokenizer and preprocessing, which a model needs beside its weights. */
export interface ModelAssets {
  /** Absent when there is none to be found. */
  readonly tokenizer?: Tokenizer;
  /** Why there is none, where its files are such as are not read. */
  readonly noTokenizer?: string;
  readonly preprocessing: Preprocessing;
  /** The files these come from, written beside the weights when the model is saved. */
  readonly files: DirectoryFiles;
}

export interface AssetOptions {
  /** Whose tokenizer and preprocessing they are where the files do not say it. Default: `clip`. */
  readonly family?: ModelFamily;
  /** Default: what the tokenizer's configuration says, or else 77, or 64 for SigLIP. */
  readonly contextLength?: number;
  /** Tokens of the model: texts with others are refused. Default, for a vocabulary file: OpenAI's 49408. */
  readonly vocabSize?: number;
  /**
   * A directory with a tokenizer, a `tokenizer.json`, or CLIP's `bpe_simple_vocab_16e6.txt.gz`. Default: what
   * `directory` holds.
   */
  readonly tokenizer?: string;
  /** Pixels, for the default preprocessing. */
  readonly imageSize?: number;
  /** Preprocessing if the directory names none. Default: OpenAI's. */
  readonly preprocessing?: Preprocessing;
  /** Take `preprocessing` whatever Hugging Face's files in the directory say. Default: false. */
  readonly ownPreprocessing?: boolean;
  /**
   * Texts are repaired before they are split into tokens, as open_clip does. Default: only with CLIP's
   * vocabulary file.
   */
  readonly repairsText?: boolean;
  /** Cut texts that are longer than the context. Default: false; they are an error. */
  readonly truncate?: boolean;
  /** How image files are decoded. Default: as CLIP's own code does. */
  readonly decoding?: DecodeOptions;
}

const assetOptionKeys: OptionKeys<AssetOptions> = {
  family: true,
  contextLength: true,
  vocabSize: true,
  tokenizer: true,
  imageSize: true,
  preprocessing: true,
  ownPreprocessing: true,
  repairsText: true,
  truncate: true,
  decoding: true,
};
const processorFile = "processor_config.json";
const preprocessorFile = "preprocessor_config.json";

/**
 * Tokenizer and preprocessing of a directory.
 * @throws if a file is there but wrong, or the tokenizer of the options is missing
 */
export function readAssets(directory: string, options: AssetOptions = {}): ModelAssets {
  checkOptions(options, assetOptionKeys, "readAssets");
  return assetsWith(findTokenizer(options.tokenizer ?? directory), directory, options);
}

/** The same with a tokenizer that was found before. */
export function assetsWith(
  found: FoundTokenizer,
  directory: string,
  options: AssetOptions = {},
): ModelAssets {
  const { family, contextLength, tokenizer: source = directory } = options;
  const isOpenAi = found.vocabulary !== undefined;
  const parsed = isOpenAi ? parseVocabulary(found.vocabulary, source, options.vocabSize) : found.parsed;
  const ofTokenizer: DirectoryFiles = parsed?.files ?? new Map();
  if (ofTokenizer.size === 0 && options.tokenizer !== undefined) {
    const sentencePiece = join(source, sentencePieceFile);
    if (existsSync(sentencePiece)) throw new Error(noSentencePiece(sentencePiece));
    throw new Error(
      `${source}: no tokenizer: expected a tokenizer.json or ${vocabularyFile}. Check the path, or download it.`,
    );
  }
  const ofPreprocessing: ReadPreprocessing =
    options.ownPreprocessing === true ? { files: new Map() } : readPreprocessing(directory, family);
  const tokenizerOptions = {
    family,
    contextLength,
    vocabSize: options.vocabSize,
    repairsText: isOpenAi || options.repairsText === true,
    lowersInContext: isOpenAi,
    truncate: options.truncate,
  };
  const preprocessing =
    ofPreprocessing.preprocessing ??
    options.preprocessing ??
    Preprocessing.published(family, options.imageSize);
  const isSentencePiece = ofTokenizer.size === 0 && existsSync(join(directory, sentencePieceFile));
  return {
    tokenizer: parsed && Tokenizer.of(parsed, tokenizerOptions),
    ...(isSentencePiece && { noTokenizer: noSentencePiece(join(directory, sentencePieceFile)) }),
    preprocessing: options.decoding ? preprocessing.withDecoding(options.decoding) : preprocessing,
    files: new Map([...ofTokenizer, ...ofPreprocessing.files]),
  };
}

/**
 * Compares what lies beside a model's weights with the model.
 * @param directory named in errors
 * @throws if the tokenizer has more tokens than the model, another end token, or images come out in another
 * size
 */
export function checkAssets(
  { tokenizer, preprocessing }: ModelAssets,
  config: ModelConfig,
  directory: string,
): void {
  const { text, vision } = config;
  const endTokenId = readOutToken(config);
  const isLarger = tokenizer !== undefined && tokenizer.highestId >= text.vocabSize;
  if (isLarger && tokenizer.highestPlainId >= text.vocabSize) {
    throw new Error(
      `${directory}: the tokenizer has ids up to ${tokenizer.highestPlainId}, the model ${text.vocabSize} tokens: expected ids up to ` +
        `${text.vocabSize - 1}. Take the tokenizer of this model.`,
    );
  }
  if (tokenizer !== undefined && endTokenId !== undefined && tokenizer.endId !== endTokenId) {
    throw new Error(
      `${directory}: the tokenizer ends texts with id ${tokenizer.endId}, the model reads them at id ${endTokenId} ` +
        "(eos_token_id of config.json): expected the same. Take the tokenizer of this model, or correct the configuration.",
    );
  }
  if (preprocessing.cropSize !== vision.imageSize) {
    throw new Error(
      `${directory}: ${preprocessorFile} (or ${processorFile}) makes images of ${preprocessing.cropSize} pixels, the model ` +
        `(image_size of its configuration) reads ${vision.imageSize}: expected the same. Correct one of them.`,
    );
  }
}

interface ReadPreprocessing {
  /** Absent where there is none. */
  readonly preprocessing?: Preprocessing;
  readonly files: DirectoryFiles;
}

/**
 * As transformers 5 reads it: the image processor in `processor_config.json`, or else
 * `preprocessor_config.json`.
 */
function readPreprocessing(directory: string, family?: ModelFamily): ReadPreprocessing {
  const files = readDirectory(directory, [preprocessorFile, processorFile]);
  const processor = files.has(processorFile) ? parseJson(files, processorFile, directory) : undefined;
  const nested = (processor as { image_processor?: unknown } | null | undefined)?.image_processor;
  if (nested !== undefined && nested !== null) {
    const source = `${join(directory, processorFile)}, image_processor`;
    const preprocessing = Preprocessing.parse(nested, source, family);
    return { preprocessing, files: new Map([...files].filter(([name]) => name === processorFile)) };
  }
  if (!files.has(preprocessorFile)) return { files };
  const json = parseJson(files, preprocessorFile, directory);
  return { preprocessing: Preprocessing.parse(json, join(directory, preprocessorFile), family), files };
}
