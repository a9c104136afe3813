import { gunzipSync } from "node:zlib";
import { type DirectoryFiles, readSmallFile } from "./files.js";

/** The default start and end of a text. */
export const startToken = "<|startoftext|>";
export const endToken = "<|endoftext|>";
/** Marks the last symbol of a word. */
export const endOfWord = "</w>";
/** CLIP's pattern of a word, for the flags `gu`. */
export const wordPattern = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";
const maxBytes = 2 ** 28;

/**
 * Reads the vocabulary file of OpenAI's CLIP, `bpe_simple_vocab_16e6.txt.gz` (or unpacked): pairs of tokens
 * to merge, in order, after one line of header.
 * @param vocabSize tokens of the model; the file holds more merges than the models use
 * @returns the tokenizer as the files of a Hugging Face directory
 * @throws if the file is damaged or has too few merges
 */
export function readVocabulary(path: string, vocabSize: number): DirectoryFiles {
  const fail = (what: string, cause?: unknown): never => {
    throw new Error(
      `${path}: not the vocabulary of CLIP: ${what}. Download bpe_simple_vocab_16e6.txt.gz again.`,
      {
        cause,
      },
    );
  };
  const bytes = readSmallFile(path);
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
  let text: string;
  try {
    text = (isPacked ? gunzipSync(bytes, { maxOutputLength: maxBytes }) : bytes).toString("utf8");
  } catch (cause) {
    return fail(`it cannot be unpacked (${(cause as Error).message})`, cause);
  }
  const count = vocabSize - 2 * 256 - 2; // beside the bytes, in a word and at its end, and the two special tokens
  const merges = text
    .split("\n", Math.max(count, 0) + 1)
    .slice(1)
    .map((line) => line.trimEnd().split(" "));
  if (count < 0) {
    fail(`expected a model of CLIP's vocabulary, which has more than 514 tokens, got one of ${vocabSize}`);
  }
  if (merges.length < count) {
    fail(`expected ${count} merges for the ${vocabSize} tokens of the model, got ${merges.length}`);
  }
  const broken = merges.findIndex((merge) => merge.length !== 2);
  if (broken >= 0) fail(`expected two tokens in line ${broken + 2}, got '${merges[broken]!.join(" ")}'`);
  const { tokenizer, config } = formatTokenizer(merges as [string, string][]);
  return new Map([
    ["tokenizer.json", toBuffer(tokenizer)],
    ["tokenizer_config.json", toBuffer(config)],
  ]);
}

/** A tokenizer laid out as CLIP's, as Hugging Face files. */
export interface TokenizerFiles {
  /** Content of `tokenizer.json`. */
  readonly tokenizer: { readonly model: { readonly vocab: Readonly<Record<string, number>> } };
  /** Content of `tokenizer_config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly vocabSize: number;
  readonly startTokenId: number;
  readonly endTokenId: number;
}

/**
 * CLIP's tokenizer with these merges. Ids: the bytes, the bytes at the end of a word, the merged tokens, the
 * start and the end token.
 * @param merges pairs of tokens, in the order in which they are merged; see `byteSymbols` and `endOfWord`
 */
export function formatTokenizer(merges: readonly (readonly [string, string])[]): TokenizerFiles {
  const bytes = [...byteSymbols().values()];
  const tokens = [
    ...bytes,
    ...bytes.map((byte) => byte + endOfWord),
    ...merges.map((merge) => merge.join("")),
    startToken,
    endToken,
  ];
  const [startTokenId, endTokenId] = [tokens.length - 2, tokens.length - 1];
  const config = {
    tokenizer_class: "CLIPTokenizer",
    bos_token: startToken,
    eos_token: endToken,
    pad_token: endToken,
    unk_token: endToken,
  };
  const tokenizer = tokenizerJson(
    Object.fromEntries(tokens.map((token, id) => [token, id])),
    merges.map((merge) => merge.join(" ")),
    [addedToken(startTokenId, startToken, true), addedToken(endTokenId, endToken, true)],
    { start: startToken, end: endToken, unknown: endToken },
  );
  return { tokenizer, config, vocabSize: tokens.length, startTokenId, endTokenId };
}

/** A token that is found in a text before it is split into words. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

/**
 * An added token as Hugging Face's tokenizers make it: special ones are found as they are, others in the
 * normalised text.
 */
export function addedToken(id: number, content: string, special: boolean): AddedToken {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: !special, special };
}

/** The content of a `tokenizer.json` like CLIP's. */
export function tokenizerJson(
  vocab: Readonly<Record<string, number>>,
  merges: readonly string[],
  added: readonly AddedToken[],
  special: { readonly start: string; readonly end: string; readonly unknown: string },
) {
  const idOf = (token: string): number | undefined =>
    added.find(({ content }) => content === token)?.id ?? vocab[token];
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "NFC" },
        { type: "Replace", pattern: { Regex: "\\s+" }, content: " " },
        { type: "Lowercase" },
      ],
    },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        {
          type: "Split",
          pattern: { Regex: `<\\|startoftext\\|>|<\\|endoftext\\|>|${wordPattern}` },
          behavior: "Removed",
          invert: true,
        },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: {
      type: "RobertaProcessing",
      sep: [special.end, idOf(special.end)],
      cls: [special.start, idOf(special.start)],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: special.unknown,
      continuing_subword_prefix: "",
      end_of_word_suffix: endOfWord,
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges,
    },
  };
}

/**
 * GPT-2's reversible map from bytes to printable characters, in its published order: printable bytes stand
 * for themselves, the others follow as characters from U+0100 on.
 */
export function byteSymbols(): Map<number, string> {
  const isPrintable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const others = bytes.filter((byte) => !isPrintable(byte));
  return new Map([
    ...bytes.filter(isPrintable).map((byte) => [byte, String.fromCodePoint(byte)] as const),
    ...others.map((byte, i) => [byte, String.fromCodePoint(0x100 + i)] as const),
  ]);
}

function toBuffer(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
