import { type DirectoryFiles, parseJson, readDirectory } from "./files.js";
import { Preprocessing } from "./preprocessing.js";
import { Tokenizer } from "./tokenizer.js";

/** What a model needs beside its weights. */
export interface ModelAssets {
  /** Absent when the directory has no `tokenizer.json`. */
  readonly tokenizer?: Tokenizer;
  readonly preprocessing: Preprocessing;
  /** The files these come from, written beside the weights when the model is saved. */
  readonly files: DirectoryFiles;
}

const fileNames = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "preprocessor_config.json",
  "processor_config.json",
];

/**
 * Tokenizer and preprocessing of a Hugging Face directory, OpenAI's preprocessing when it names none.
 * @throws if a file is there but wrong
 */
export function readAssets(
  directory: string,
  shape: { contextLength?: number; imageSize?: number } = {},
): ModelAssets {
  const files = readDirectory(directory, fileNames);
  const hasTokenizer = files.has("tokenizer.json");
  const hasPreprocessing = files.has("preprocessor_config.json");
  return {
    tokenizer: hasTokenizer ? Tokenizer.parse(files, directory, shape.contextLength) : undefined,
    preprocessing: hasPreprocessing
      ? Preprocessing.parse(
          parseJson(files, "preprocessor_config.json", directory),
          `${directory}/preprocessor_config.json`,
        )
      : Preprocessing.openai(shape.imageSize),
    files,
  };
}
