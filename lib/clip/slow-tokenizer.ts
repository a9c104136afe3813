import { z } from "zod";
import type { DirectoryFiles } from "./files.js";
import { specialTokens } from "./special-tokens.js";
import { parseTokenizerFile } from "./tokenizer-files.js";
import { type AddedToken, addedToken, endToken, startToken, tokenizerJson } from "./vocabulary.js";

const vocabularySchema = z.record(z.string(), z.int().nonnegative());
const decoderSchema = z.record(
  z.string().regex(/^\d+$/),
  z.object({
    content: z.string(),
    single_word: z.boolean().default(false),
    lstrip: z.boolean().default(false),
    rstrip: z.boolean().default(false),
    normalized: z.boolean().default(true),
    special: z.boolean().default(false),
  }),
);

/**
 * Adds the `tokenizer.json` that `vocab.json` and `merges.txt` stand for, the files of a slow tokenizer in
 * transformers up to 4.
 * @param source the directory, named in errors
 * @returns the files as they are where there is a `tokenizer.json`, or no vocabulary
 * @throws if one of them is not what it should be
 */
export function withTokenizerJson(files: DirectoryFiles, source: string): DirectoryFiles {
  const merges = files.get("merges.txt");
  if (files.has("tokenizer.json") || !files.has("vocab.json") || merges === undefined) return files;
  const vocab = parseTokenizerFile(vocabularySchema, files, "vocab.json", source);
  const config = specialTokens(files, source);
  const special = {
    start: config.bos_token ?? startToken,
    end: config.eos_token ?? endToken,
    unknown: config.unk_token ?? endToken,
  };
  const added = addedTokens(files, source);
  for (const content of new Set(Object.values(special))) {
    if (added.some((token) => token.content === content)) continue;
    if (vocab[content] !== undefined) added.push(addedToken(vocab[content], content, true));
  }
  const lines = merges.toString("utf8").split(/\r?\n/);
  const pairs = lines.filter((line, i) => line.trim() !== "" && !(i === 0 && line.startsWith("#version")));
  const broken = pairs.find((line) => line.trim().split(/\s+/).length !== 2);
  if (broken !== undefined) {
    throw new Error(
      `${source}/merges.txt: expected two tokens in each line, got '${broken.slice(0, 80)}'. Copy it again.`,
    );
  }
  const tokenizer = tokenizerJson(
    vocab,
    pairs.map((line) => line.trim()),
    added.toSorted((a, b) => a.id - b.id),
    special,
  );
  return new Map([...files, ["tokenizer.json", Buffer.from(JSON.stringify(tokenizer))]]);
}

function addedTokens(files: DirectoryFiles, source: string): AddedToken[] {
  if (files.has("tokenizer_config.json")) {
    const schema = z.object({ added_tokens_decoder: decoderSchema.nullish() });
    const { added_tokens_decoder: decoder } = parseTokenizerFile(
      schema,
      files,
      "tokenizer_config.json",
      source,
    );
    if (decoder != null) return Object.entries(decoder).map(([id, token]) => ({ id: Number(id), ...token }));
  }
  return legacyTokens(files, source);
}

/** The tokens of `added_tokens.json`, which counts where the configuration lists none, by their ids. */
export function legacyTokens(files: DirectoryFiles, source: string): AddedToken[] {
  if (!files.has("added_tokens.json")) return [];
  const added = parseTokenizerFile(vocabularySchema, files, "added_tokens.json", source);
  const isSpecial = new Set(specialTokens(files, source).special.map(({ content }) => content));
  const tokens = Object.entries(added).map(([content, id]) =>
    addedToken(id, content, isSpecial.has(content)),
  );
  return tokens.toSorted((a, b) => a.id - b.id);
}
