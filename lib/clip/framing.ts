import type { Encoder } from "./tokenizer-json.js";

/** Ids around those of a text, and the id that fills rows up. */
export interface Framing {
  readonly start: readonly number[];
  readonly end: readonly number[];
  readonly padId: number;
  readonly padsLeft: boolean;
  /** Whether the text encoder reads padding: then all texts have the length of the context. */
  readonly readsPadding: boolean;
}

/** The id of a token. @throws if the tokenizer has none, naming its file */
export type IdOf = (token: string) => number;

/**
 * As all CLIPs have it: one token before and one after the text, and padding that nothing reads.
 * @param vocabSize tokens of the model: where it lacks the padding's, the end token does as well
 */
export function clipFraming(
  idOf: IdOf,
  { start, end, pad }: { readonly start: string; readonly end: string; readonly pad: string },
  vocabSize: number,
): Framing {
  const [padId, endId] = [idOf(pad), idOf(end)];
  return {
    start: [idOf(start)],
    end: [endId],
    padId: padId < vocabSize ? padId : endId,
    padsLeft: false,
    readsPadding: false,
  };
}

/** The tokens that a `tokenizer.json` itself puts around a text. */
export function postProcessed(encoder: Encoder): Pick<Framing, "start" | "end"> {
  const encode = (special: boolean): number[] => encoder.encode("a", { add_special_tokens: special }).ids;
  const [plain, ids] = [encode(false), encode(true)];
  const at = ids.findIndex((_, i) => plain.every((id, j) => ids[i + j] === id));
  return { start: ids.slice(0, at), end: ids.slice(at + plain.length) };
}
