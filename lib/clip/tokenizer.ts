import { Tokenizer as BytePairEncoder } from "@huggingface/tokenizers";
import { z } from "zod";
import { type Device, fromTypedArray, type Tensor } from "../torch/index.js";
import { type DirectoryFiles, parseJson, readDirectory } from "./files.js";
import { endOfWord } from "./vocabulary.js";

const token = z.union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)]);

const tokenizerConfigSchema = z.object({
  bos_token: token.default("<|startoftext|>"),
  eos_token: token.default("<|endoftext|>"),
  pad_token: token.nullish(),
  model_max_length: z.number().positive().optional(),
});

/** The part of `tokenizer.json` that lists the tokens. */
interface BytePairModel {
  readonly vocab?: Readonly<Record<string, number>>;
  readonly end_of_word_suffix?: string | null;
}

export interface EncodeOptions {
  /** Leave out the columns after the longest prompt, which cannot change its features. Default: true. */
  readonly crop?: boolean;
  /** Default: `"cpu"`. */
  readonly device?: Device;
}

/** Texts to token ids, by the `tokenizer.json` and, where present, the `tokenizer_config.json` of a Hugging Face directory. */
export class Tokenizer {
  private constructor(
    private readonly encoder: BytePairEncoder,
    readonly contextLength: number,
    readonly startId: number,
    readonly endId: number,
    readonly padId: number,
    private readonly vocabulary: Readonly<Record<string, number>>,
    private readonly endOfWord: string,
  ) {}

  /**
   * @param contextLength default: that of the tokenizer's configuration, or else 77
   * @throws if `tokenizer.json` is missing or not a tokenizer
   */
  static load(directory: string, contextLength?: number): Tokenizer {
    return Tokenizer.parse(
      readDirectory(directory, ["tokenizer.json", "tokenizer_config.json"]),
      directory,
      contextLength,
    );
  }

  /** From files that have been read. @param source the directory, named in errors */
  static parse(files: DirectoryFiles, source: string, contextLength?: number): Tokenizer {
    const tokenizerJson = parseJson(files, "tokenizer.json", source) as object;
    const configJson = files.has("tokenizer_config.json")
      ? (parseJson(files, "tokenizer_config.json", source) as object)
      : {};
    const parsed = tokenizerConfigSchema.safeParse(configJson);
    if (!parsed.success) throw new Error(`${source}/tokenizer_config.json: ${z.prettifyError(parsed.error)}`);
    const {
      bos_token: start,
      eos_token: end,
      pad_token: pad,
      model_max_length: maxLength = 77,
    } = parsed.data;
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
    const { vocab = {}, end_of_word_suffix: suffix } = (tokenizerJson as { model: BytePairModel }).model;
    return new Tokenizer(
      encoder,
      contextLength ?? maxLength,
      idOf(start),
      idOf(end),
      idOf(pad ?? end),
      vocab,
      suffix ?? endOfWord,
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
   * Start token, text, end token; a long text is cut so that the end token stays.
   * @returns `int64 [texts, L]`, padded; L is the length of the longest, or the context length without cropping
   */
  encode(texts: readonly string[], { crop = true, device = "cpu" }: EncodeOptions = {}): Tensor {
    const rows = texts.map((text) => {
      const { ids } = this.encoder.encode(text, { add_special_tokens: false });
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
