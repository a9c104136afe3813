import { Tokenizer } from "@huggingface/tokenizers";

/** The part of `tokenizer.json` that is read here too. */
export interface TokenizerJson {
  readonly model: {
    /** Ids by token, or, of Unigram models, pairs of token and score in the order of their ids. */
    readonly vocab?: Readonly<Record<string, number>> | readonly (readonly [token: string, score: number])[];
    readonly end_of_word_suffix?: string | null;
  };
  readonly normalizer?: unknown;
  readonly padding?: { readonly direction?: "Left" | "Right" } | null;
  readonly added_tokens?: readonly { readonly id: number; readonly content: string }[];
}

/** The part of the library's tokenizer that is used here. */
export interface Encoder {
  /** Its tokens by their ids, added ones too. */
  readonly model: { readonly vocab: readonly string[] } | null;
  encode(text: string, options: { readonly add_special_tokens: boolean }): { readonly ids: number[] };
  token_to_id(token: string): number | undefined;
}

/** The library that follows the file. @throws if it is no tokenizer, naming its path */
export function encoderOf(json: TokenizerJson, config: object, path: string): Encoder {
  try {
    return new Tokenizer(json, config);
  } catch (cause) {
    throw new Error(`${path}: not a tokenizer: ${(cause as Error).message}. Copy it again.`, {
      cause,
    });
  }
}

/** Ids by token, those of added tokens too. */
export function vocabularyOf({ model, added_tokens: added = [] }: TokenizerJson): Map<string, number> {
  const { vocab = {} } = model;
  const own = Array.isArray(vocab)
    ? vocab.map(([token], id) => [token, id] as const)
    : Object.entries(vocab as Readonly<Record<string, number>>);
  return new Map([...own, ...added.map(({ content, id }) => [content, id] as const)]);
}
