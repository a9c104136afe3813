import { join } from "node:path";
import { z } from "zod";
import { firstLines } from "../options/index.js";
import { type DirectoryFiles, parseJson } from "./files.js";

/** Names of the files that a tokenizer may consist of. */
export const tokenizerFiles: readonly string[] = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
];

/**
 * The path of a `tokenizer.json`, for errors.
 * @param source the directory of a tokenizer, or the file itself, which may be called otherwise
 */
export function tokenizerPath(source: string): string {
  return source.endsWith(".json") ? source : join(source, "tokenizer.json");
}

/**
 * The content of one of these files.
 * @param source the directory, named in errors
 * @throws if the file is missing, not JSON, or does not fit
 */
export function parseTokenizerFile<Schema extends z.ZodType>(
  schema: Schema,
  files: DirectoryFiles,
  name: string,
  source: string,
): z.infer<Schema> {
  const parsed = schema.safeParse(parseJson(files, name, source));
  if (parsed.success) return parsed.data;
  throw new Error(
    `${source}/${name}: not part of a tokenizer.\n${firstLines(z.prettifyError(parsed.error), 7)}\nCopy it again.`,
  );
}

/** The file of SentencePiece, which transformers' slow tokenizers of SigLIP read. */
export const sentencePieceFile = "spiece.model";

/** The error's text about a SentencePiece file, with what to do. @param path named in the message */
export function noSentencePiece(path: string): string {
  return (
    `${path} is a model of SentencePiece, which is not read: expected a tokenizer.json. Make one in Python with transformers: ` +
    "`AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)`."
  );
}
