/** Names of the files that a tokenizer may consist of. */
export const tokenizerFiles: readonly string[] = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
];
