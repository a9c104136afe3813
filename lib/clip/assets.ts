import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { type DirectoryFiles, parseJson, readDirectory } from "./files.js";
import { Preprocessing } from "./preprocessing.js";
import { Tokenizer } from "./tokenizer.js";
import { readVocabulary } from "./vocabulary.js";

/** What a model needs beside its weights. */
export interface ModelAssets {
  /** Absent when there is none to be found. */
  readonly tokenizer?: Tokenizer;
  readonly preprocessing: Preprocessing;
  /** The files these come from, written beside the weights when the model is saved. */
  readonly files: DirectoryFiles;
}

export interface AssetOptions {
  /** Default: what the tokenizer's configuration says, or else 77. */
  readonly contextLength?: number;
  /** Tokens of the model, for a vocabulary file. Default: OpenAI's 49408. */
  readonly vocabSize?: number;
  /** A directory with a tokenizer, a `tokenizer.json`, or CLIP's `bpe_simple_vocab_16e6.txt.gz`. Default: what `directory` holds. */
  readonly tokenizer?: string;
  /** Pixels, for the default preprocessing. */
  readonly imageSize?: number;
  /** Where the directory names none. Default: OpenAI's. */
  readonly preprocessing?: Preprocessing;
}

const tokenizerFiles = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
];
const preprocessingFiles = ["preprocessor_config.json", "processor_config.json"];
const vocabularyFile = "bpe_simple_vocab_16e6.txt.gz";

/**
 * Tokenizer and preprocessing of a directory.
 * @throws if a file is there but wrong, or the tokenizer of the options is missing
 */
export function readAssets(directory: string, options: AssetOptions = {}): ModelAssets {
  const { contextLength, tokenizer: source = directory, preprocessing } = options;
  const ofTokenizer = readTokenizerFiles(source, options.vocabSize);
  if (ofTokenizer.size === 0 && options.tokenizer !== undefined) {
    throw new Error(
      `${source}: no tokenizer: expected a tokenizer.json or ${vocabularyFile}. Check the path, or download it.`,
    );
  }
  const ofPreprocessing = readDirectory(directory, preprocessingFiles);
  const config = "preprocessor_config.json";
  return {
    tokenizer: ofTokenizer.size > 0 ? Tokenizer.parse(ofTokenizer, source, contextLength) : undefined,
    preprocessing: ofPreprocessing.has(config)
      ? Preprocessing.parse(parseJson(ofPreprocessing, config, directory), join(directory, config))
      : (preprocessing ?? Preprocessing.openai(options.imageSize)),
    files: new Map([...ofTokenizer, ...ofPreprocessing]),
  };
}

/** Those of the tokenizer at a path; none if there is none. */
function readTokenizerFiles(path: string, vocabSize = 49408): DirectoryFiles {
  if (!existsSync(path)) return new Map();
  if (!statSync(path).isDirectory()) {
    if (!path.endsWith(".json")) return readVocabulary(path, vocabSize);
    return new Map([...readDirectory(dirname(path), tokenizerFiles), ["tokenizer.json", readFileSync(path)]]);
  }
  const files = readDirectory(path, tokenizerFiles);
  if (files.has("tokenizer.json")) return files;
  const vocabulary = join(path, vocabularyFile);
  return existsSync(vocabulary) ? readVocabulary(vocabulary, vocabSize) : new Map();
}
