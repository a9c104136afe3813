import { join } from "node:path";

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

/** The file of SentencePiece, which transformers' slow tokenizers of SigLIP read. */
export const sentencePieceFile = "spiece.model";

/** The error's text about a SentencePiece file, with what to do. @param path named in the message */
export function noSentencePiece(path: string): string {
  return (
    `${path} is a model of SentencePiece, which is not read: expected a tokenizer.json. Make one in Python with transformers: ` +
    "`AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)`."
  );
}
