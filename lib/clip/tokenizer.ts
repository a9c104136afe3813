import { checkOptions, type OptionKeys } from "../options/index.js";
import { type Device, fromTypedArray, type Tensor } from "../torch/index.js";
import type { ModelFamily } from "./config.js";
import { type DirectoryFiles, readDirectory } from "./files.js";
import { clipFraming, type Framing, type IdOf } from "./framing.js";
import { type ParsedTokenizer, parseTokenizer } from "./parse-tokenizer.js";
import { canonicalText, isSiglipTokenizer, siglipFraming } from "./siglip-tokenizer.js";
import { specialTokens } from "./special-tokens.js";
import { repairText } from "./text-repair.js";
import { tokenizerFiles, tokenizerPath } from "./tokenizer-files.js";
import { type Encoder, type TokenizerJson, vocabularyOf } from "./tokenizer-json.js";
import { shortened, type TextCheck, textCheck } from "./unreadable-texts.js";
import { endOfWord, endToken, startToken } from "./vocabulary.js";

/** transformers takes a length above this for no limit, and writes 10³⁰. */
const longest = 1e20;

/** Facts about a tokenizer that its model and its source know. */
export interface TokenizerOptions {
  /** Default: that of the tokenizer's configuration, or else 77, or 64 for SigLIP. */
  readonly contextLength?: number;
  /** Tokens of the model: a text with one that it does not have is refused. Default: no limit. */
  readonly vocabSize?: number;
  /**
   * The family of the model. Default: what the class in `tokenizer_config.json` belongs to, or else `clip`.
   */
  readonly family?: ModelFamily;
  /**
   * Repair texts before they are split into tokens, as OpenAI's and open_clip's tokenizers do. Default:
   * false, as in transformers.
   */
  readonly repairsText?: boolean;
  /**
   * Lower letters with their context, as Python's `lower` does: a final sigma. Default: one by one, as
   * Hugging Face's tokenizers.
   */
  readonly lowersInContext?: boolean;
  /** Cut texts that are longer than the context. Default: an error, as in OpenAI's tokenizer. */
  readonly truncate?: boolean;
}

const tokenizerOptionKeys: OptionKeys<TokenizerOptions> = {
  contextLength: true,
  vocabSize: true,
  family: true,
  repairsText: true,
  lowersInContext: true,
  truncate: true,
};
const encodeOptionKeys: OptionKeys<EncodeOptions> = { crop: true, device: true, truncate: true };

export interface EncodeOptions {
  /**
   * Leave out the columns after the longest prompt, where the model reads no padding, so that they cannot
   * change its features. Default: true.
   */
  readonly crop?: boolean;
  /** Default: `"cpu"`. */
  readonly device?: Device;
  /** Cut texts that are too long, so that the end token stays. Default: as the tokenizer was opened. */
  readonly truncate?: boolean;
}

/**
 * Texts to token ids, by the `tokenizer.json` of a Hugging Face directory, or its `vocab.json` and
 * `merges.txt`, and, where present, the `tokenizer_config.json`.
 */
export class Tokenizer {
  // Hidden from scopes, which look for tensors in every field of what they return: these hold 200,000 values.
  readonly #encoder: Encoder;
  readonly #json: TokenizerJson;

  private constructor(
    encoder: Encoder,
    json: TokenizerJson,
    readonly contextLength: number,
    private readonly framing: Framing,
    private readonly boundary: { readonly prefix: string; readonly suffix: string },
    private readonly prepare: (text: string) => string,
    private readonly check: TextCheck,
    private readonly truncates: boolean,
  ) {
    this.#encoder = encoder;
    this.#json = json;
  }

  /**
   * @param contextLength default: that of the tokenizer's configuration, or else 77, or 64 for SigLIP
   * @throws if `tokenizer.json` is missing or not a tokenizer
   */
  static load(directory: string, contextLength?: number): Tokenizer {
    return Tokenizer.parse(readDirectory(directory, tokenizerFiles), directory, { contextLength });
  }

  /** Makes a tokenizer of files that have been read. @param source the directory, named in errors */
  static parse(given: DirectoryFiles, source: string, options: TokenizerOptions = {}): Tokenizer {
    checkOptions(options, tokenizerOptionKeys, "Tokenizer.parse");
    return Tokenizer.of(parseTokenizer(given, source), options);
  }

  /** @internal */
  static of(parsed: ParsedTokenizer, options: TokenizerOptions): Tokenizer {
    const { files, source, json, config, encoder } = parsed;
    const idOf: IdOf = (token) => {
      const id = encoder.token_to_id(token);
      if (id !== undefined) return id;
      throw new Error(
        `${tokenizerPath(source)}: has no token '${token}', which tokenizer_config.json names.`,
      );
    };
    const { bos_token: bos, eos_token: eos, pad_token: pad } = specialTokens(files, source);
    const isSiglip = (options.family ?? (isSiglipTokenizer(config) ? "siglip" : "clip")) === "siglip";
    const stated = config.model_max_length;
    const contextLength = options.contextLength ?? (stated && stated < longest ? stated : isSiglip ? 64 : 77);
    const side = json.padding?.direction?.toLowerCase() as "left" | "right" | undefined;
    const end = eos ?? endToken;
    const prepare = preparation(json, options);
    const { vocabSize = Number.POSITIVE_INFINITY } = options;
    return new Tokenizer(
      encoder,
      json,
      contextLength,
      isSiglip
        ? siglipFraming(encoder, idOf, config, { bos, eos, pad }, side)
        : clipFraming(idOf, { start: bos ?? startToken, end, pad: pad ?? end }, vocabSize),
      isSiglip
        ? { prefix: "\u2581", suffix: "" } // SentencePiece's mark of a space
        : { prefix: "", suffix: json.model.end_of_word_suffix ?? endOfWord },
      isSiglip ? (text) => prepare(canonicalText(text, config)) : prepare,
      textCheck(json.added_tokens ?? [], vocabSize),
      options.truncate === true,
    );
  }

  /** The id of the end token, or else of padding. */
  get endId(): number {
    return this.framing.end.at(-1) ?? this.padId;
  }

  get padId(): number {
    return this.framing.padId;
  }

  /** Whether the text encoder reads padding: then all texts have the length of the context. */
  get readsPadding(): boolean {
    return this.framing.readsPadding;
  }

  /** The highest id that it gives. */
  get highestId(): number {
    return Math.max(0, (this.#encoder.model?.vocab.length ?? 0) - 1);
  }

  /** The highest id that a text has which names none of the added tokens. */
  get highestPlainId(): number {
    const { start, end, padId, readsPadding } = this.framing;
    const added = new Set(this.#json.added_tokens?.map(({ content }) => content));
    const plain = Array.from(vocabularyOf(this.#json)).filter(([token]) => !added.has(token));
    const framing = [...start, ...end, ...(readsPadding ? [padId] : [])];
    return plain.reduce((highest, [, id]) => Math.max(highest, id), Math.max(0, ...framing));
  }

  /** Words that are one token, in the order of their ids. */
  wholeWords(): string[] {
    const { prefix, suffix } = this.boundary;
    return Array.from(vocabularyOf(this.#json))
      .filter(([token]) => token.startsWith(prefix) && token.endsWith(suffix))
      .sort(([, a], [, b]) => a - b)
      .map(([token]) => token.slice(prefix.length, token.length - suffix.length));
  }

  /**
   * Start token, text, end token, as far as the model has them.
   * @returns `int64 [texts, L]`, padded; L is the length of the longest where the model reads no padding, and
   * else, or without cropping, the context length
   * @throws if a text has more tokens than the context and is not to be cut, or tokens that the model lacks
   */
  encode(texts: readonly string[], options: EncodeOptions = {}): Tensor {
    checkOptions(options, encodeOptionKeys, "Tokenizer.encode");
    const { truncate = this.truncates } = options;
    const { start, end } = this.framing;
    const ids = texts.map((text) => {
      const prepared = this.prepare(text);
      const { ids } = this.#encoder.encode(prepared, { add_special_tokens: false });
      this.check(prepared, ids);
      const tokens = start.length + ids.length + end.length;
      if (!truncate && tokens > this.contextLength) throw tooLong(text, tokens, this.contextLength);
      return ids;
    });
    return this.frame(ids, options);
  }

  /** The same of texts that are ids already; those that are too long are cut so that the end token stays. */
  frame(texts: readonly (readonly number[])[], options: EncodeOptions = {}): Tensor {
    checkOptions(options, encodeOptionKeys, "Tokenizer.frame");
    const { crop = true, device = "cpu" } = options;
    const { start, end, padId, padsLeft, readsPadding } = this.framing;
    const most = this.contextLength - start.length - end.length;
    const rows = texts.map((ids) => [...start, ...ids.slice(0, most), ...end]);
    const isCropped = crop && !readsPadding;
    const length = isCropped ? Math.max(0, ...rows.map((row) => row.length)) : this.contextLength;
    const padded = new BigInt64Array(rows.length * length).fill(BigInt(padId));
    rows.forEach((row, i) => {
      padded.set(row.map(BigInt), i * length + (padsLeft ? length - row.length : 0));
    });
    return fromTypedArray(padded, [rows.length, length], { device });
  }

  /**
   * How many leading ids of each text count for its features: those up to its first end token, or all where
   * padding is read.
   * @param ids `int64 [C, L]` as `encode` gives them
   */
  lengths(ids: Tensor): number[] {
    const [count, length] = ids.shape as [number, number];
    if (this.readsPadding) return Array.from({ length: count }, () => length);
    const flat = ids.toTypedArray() as BigInt64Array;
    return Array.from({ length: count }, (_, row) => {
      const end = flat.subarray(row * length, (row + 1) * length).indexOf(BigInt(this.endId));
      return end + 1;
    });
  }
}

function tooLong(text: string, tokens: number, contextLength: number): RangeError {
  return new RangeError(
    `Text ${shortened(text)}: expected at most ${contextLength} tokens, which the model reads, got ${tokens}. ` +
      "Shorten it, or have long texts cut with truncate: true (--truncate).",
  );
}

/** A function that prepares a text for the library that follows `tokenizer.json`. */
function preparation(json: TokenizerJson, options: TokenizerOptions): (text: string) => string {
  const repair = options.repairsText === true ? repairText : (text: string): string => text;
  // The library lowers whole texts, in which JavaScript, as Python, makes a final sigma of Σ. Hugging Face's
  // own tokenizers see letters alone.
  const lowers = JSON.stringify(json.normalizer ?? {}).includes('"Lowercase"');
  const isAdded = json.added_tokens?.some(({ content }) => content.includes("Σ")) ?? false;
  if (!lowers || isAdded || options.lowersInContext === true) return repair;
  return (text) => repair(text).replaceAll("Σ", "σ");
}
