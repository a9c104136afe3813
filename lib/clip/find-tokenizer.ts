import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { type DirectoryFiles, readDirectory, readSmallFile } from "./files.js";
import { type ParsedTokenizer, parseTokenizer } from "./parse-tokenizer.js";
import { withTokenizerJson } from "./slow-tokenizer.js";
import { noSentencePiece, tokenizerFiles } from "./tokenizer-files.js";
import { readVocabulary } from "./vocabulary.js";

export const vocabularyFile = "bpe_simple_vocab_16e6.txt.gz";

/** A tokenizer as it was found: at most one of its forms. */
export interface FoundTokenizer {
  /** That of Hugging Face's files. */
  readonly parsed?: ParsedTokenizer;
  /** Path of the vocabulary file of OpenAI's tokenizer, which is read for a model of a known size. */
  readonly vocabulary?: string;
}

/**
 * The tokenizer at a path, empty if there is none.
 * @param path a directory with a tokenizer, a `tokenizer.json`, or CLIP's vocabulary
 * @throws if a file is there but wrong
 */
export function findTokenizer(path: string): FoundTokenizer {
  if (!existsSync(path)) return {};
  const parsed = (files: DirectoryFiles): FoundTokenizer => ({ parsed: parseTokenizer(files, path) });
  if (!statSync(path).isDirectory()) {
    if (path.endsWith(".model")) throw new Error(noSentencePiece(path));
    if (!path.endsWith(".json")) return { vocabulary: path };
    const beside = readDirectory(dirname(path), tokenizerFiles);
    return parsed(new Map([...beside, ["tokenizer.json", readSmallFile(path)]]));
  }
  const files = withTokenizerJson(readDirectory(path, tokenizerFiles), path);
  if (files.has("tokenizer.json")) return parsed(files);
  const vocabulary = join(path, vocabularyFile);
  return existsSync(vocabulary) ? { vocabulary } : {};
}

/** @param vocabSize tokens of the model   @throws if the file is damaged or has too few merges */
export function parseVocabulary(path: string, source: string, vocabSize = 49408): ParsedTokenizer {
  return parseTokenizer(readVocabulary(path, vocabSize), source);
}
