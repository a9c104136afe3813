import { Tokenizer as BytePairEncoder } from "@huggingface/tokenizers";
import { z } from "zod";
import { checkOptions, firstLines, type OptionKeys } from "../options/index.js";
import { type Device, fromTypedArray, type Tensor } from "../torch/index.js";
import { type DirectoryFiles, parseJson, readDirectory } from "./files.js";
import { specialTokens, withTokenizerJson } from "./slow-tokenizer.js";
import { repairText } from "./text-repair.js";
import { tokenizerFiles } from "./tokenizer-files.js";
import { endOfWord, endToken, startToken } from "./vocabulary.js";

const token = z.union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)]);

const tokenizerConfigSchema = z.object({
  pad_token: token.nullish(),
  model_max_length: z.number().positive().nullish(),
});

/** What transformers writes for "no limit" is 10³⁰; it takes more than this for none. */
const longest = 1e20;

/** What the model and the source of a tokenizer say about it. */
export interface TokenizerOptions {
  /** Default: that of the tokenizer's configuration, or else 77. */
  readonly contextLength?: number;
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
  repairsText: true,
  lowersInContext: true,
  truncate: true,
};
const encodeOptionKeys: OptionKeys<EncodeOptions> = { crop: true, device: true, truncate: true };

/** The part of `tokenizer.json` that lists the tokens. */
interface BytePairModel {
  readonly vocab?: Readonly<Record<string, number>>;
  readonly end_of_word_suffix?: string | null;
}

interface TokenizerJson {
  readonly model: BytePairModel;
  readonly normalizer?: unknown;
  readonly added_tokens?: readonly { readonly id: number; readonly content: string }[];
}

export interface EncodeOptions {
  /** Leave out the columns after the longest prompt, which cannot change its features. Default: true. */
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
  private constructor(
    private readonly encoder: BytePairEncoder,
    readonly contextLength: number,
    readonly startId: number,
    readonly endId: number,
    readonly padId: number,
    /** The highest id that it gives. */
    readonly highestId: number,
    private readonly vocabulary: Readonly<Record<string, number>>,
    private readonly endOfWord: string,
    private readonly prepare: (text: string) => string,
    private readonly truncates: boolean,
  ) {}

  /**
   * @param contextLength default: that of the tokenizer's configuration, or else 77
   * @throws if `tokenizer.json` is missing or not a tokenizer
   */
  static load(directory: string, contextLength?: number): Tokenizer {
    return Tokenizer.parse(readDirectory(directory, tokenizerFiles), directory, { contextLength });
  }

  /** From files that have been read. @param source the directory, named in errors */
  static parse(given: DirectoryFiles, source: string, options: TokenizerOptions = {}): Tokenizer {
    checkOptions(options, tokenizerOptionKeys, "Tokenizer.parse");
    const files = withTokenizerJson(given, source);
    const tokenizerJson = parseJson(files, "tokenizer.json", source) as TokenizerJson;
    const configJson = files.has("tokenizer_config.json")
      ? (parseJson(files, "tokenizer_config.json", source) as object)
      : {};
    const parsed = tokenizerConfigSchema.safeParse(configJson);
    if (!parsed.success)
      throw new Error(`${source}/tokenizer_config.json: ${firstLines(z.prettifyError(parsed.error), 7)}`);
    const { pad_token: pad, model_max_length: stated } = parsed.data;
    const { bos_token, eos_token } = specialTokens(files, source);
    const [start, end] = [bos_token ?? startToken, eos_token ?? endToken];
    const maxLength = stated && stated < longest ? stated : 77;
    let encoder: BytePairEncoder;
    try {
      encoder = new BytePairEncoder(tokenizerJson, configJson);
    } catch (cause) {
      throw new Error(
        `${source}/tokenizer.json: not a tokenizer: ${(cause as Error).message}. Copy it again.`,
        { cause },
      );
    }
    const idOf = (token: string): number => {
      const id = encoder.token_to_id(token);
      if (id === undefined)
        throw new Error(
          `${source}/tokenizer.json: has no token '${token}', which tokenizer_config.json names.`,
        );
      return id;
    };
    const { vocab = {}, end_of_word_suffix: suffix } = tokenizerJson.model;
    const added = tokenizerJson.added_tokens ?? [];
    return new Tokenizer(
      encoder,
      options.contextLength ?? maxLength,
      idOf(start),
      idOf(end),
      idOf(pad ?? end),
      [...Object.values(vocab), ...added.map(({ id }) => id)].reduce((a, b) => Math.max(a, b), 0),
      vocab,
      suffix ?? endOfWord,
      preparation(tokenizerJson, options),
      options.truncate === true,
    );
  }

  /** Words that are one token, in the order of their ids. */
  wholeWords(): string[] {
    return Object.entries(this.vocabulary)
      .filter(([token]) => token.endsWith(this.endOfWord))
      .sort(([, a], [, b]) => a - b)
      .map(([token]) => token.slice(0, -this.endOfWord.length));
  }

  /**
   * Start token, text, end token.
   * @returns `int64 [texts, L]`, padded; L is the length of the longest, or the context length without
   * cropping
   * @throws if a text has more tokens than the context and is not to be cut
   */
  encode(texts: readonly string[], options: EncodeOptions = {}): Tensor {
    checkOptions(options, encodeOptionKeys, "Tokenizer.encode");
    const { crop = true, device = "cpu", truncate = this.truncates } = options;
    const rows = texts.map((text) => {
      const { ids } = this.encoder.encode(this.prepare(text), { add_special_tokens: false });
      if (!truncate && ids.length + 2 > this.contextLength)
        throw tooLong(text, ids.length + 2, this.contextLength);
      return [this.startId, ...ids.slice(0, this.contextLength - 2), this.endId];
    });
    const length = crop ? Math.max(0, ...rows.map((row) => row.length)) : this.contextLength;
    const padded = new BigInt64Array(rows.length * length).fill(BigInt(this.padId));
    rows.forEach((row, i) => {
      padded.set(row.map(BigInt), i * length);
    });
    return fromTypedArray(padded, [rows.length, length], { device });
  }
}

/** Both ends of the text: what tells it apart may be in either. */
function tooLong(text: string, tokens: number, contextLength: number): RangeError {
  const shown = text.length > 90 ? `${text.slice(0, 50)} … ${text.slice(-30)}` : text;
  return new RangeError(
    `Text ${JSON.stringify(shown)}: expected at most ${contextLength} tokens, which the model reads, got ${tokens}. ` +
      "Shorten it, or have long texts cut with truncate: true (--truncate).",
  );
}

/** What is done to a text before the library that follows `tokenizer.json`. */
function preparation(json: TokenizerJson, options: TokenizerOptions): (text: string) => string {
  const repair = options.repairsText === true ? repairText : (text: string): string => text;
  // The library lowers whole texts, in which JavaScript, as Python, makes a final sigma of Σ. Hugging Face's
  // own tokenizers see letters alone.
  const lowers = JSON.stringify(json.normalizer ?? {}).includes('"Lowercase"');
  const isAdded = json.added_tokens?.some(({ content }) => content.includes("Σ")) ?? false;
  if (!lowers || isAdded || options.lowersInContext === true) return repair;
  return (text) => repair(text).replaceAll("Σ", "σ");
}
