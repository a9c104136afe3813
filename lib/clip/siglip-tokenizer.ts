import { z } from "zod";
import { type Framing, type IdOf, postProcessed } from "./framing.js";
import type { Encoder } from "./tokenizer-json.js";

// SigLIP comes with a Unigram tokenizer, SigLIP 2 with Gemma's. What transformers does beside their
// `tokenizer.json` depends on the class that `tokenizer_config.json` names.

const siglipTokenizer = "SiglipTokenizer";
const gemmaTokenizers = ["Siglip2Tokenizer", "GemmaTokenizer"];

const flag = z.boolean().nullish();

/** The part of `tokenizer_config.json` that decides how texts are framed. */
export const siglipTokenizerConfig = z.object({
  tokenizer_class: z.string().nullish(),
  add_bos_token: flag,
  add_eos_token: flag,
  padding_side: z.enum(["left", "right"]).nullish(),
  do_lower_case: flag,
});

type Config = z.infer<typeof siglipTokenizerConfig>;

/** Whether this is the configuration of a tokenizer that SigLIP models have. */
export function isSiglipTokenizer({ tokenizer_class }: Config): boolean {
  return [siglipTokenizer, ...gemmaTokenizers].includes(className(tokenizer_class));
}

/**
 * Special tokens and padding as transformers has them: those of the flags where there are any, or else of the
 * `tokenizer.json`.
 */
export function siglipFraming(
  encoder: Encoder,
  idOf: IdOf,
  config: Config,
  special: { readonly bos?: string | null; readonly eos?: string | null; readonly pad?: string | null },
  paddingOfFile: "left" | "right" | undefined,
): Framing {
  const kind = className(config.tokenizer_class);
  const isGemma = gemmaTokenizers.includes(kind);
  const ids = (isWanted: boolean, token: string | null | undefined): number[] =>
    isWanted && token != null ? [idOf(token)] : [];
  const around = (): Pick<Framing, "start" | "end"> => {
    const { add_bos_token: addsBos, add_eos_token: addsEos } = config;
    if (kind === siglipTokenizer) return { start: [], end: [idOf(special.eos ?? "</s>")] };
    if (addsBos == null && addsEos == null) return postProcessed(encoder);
    const [bos, eos] = [special.bos ?? (isGemma ? "<bos>" : null), special.eos ?? (isGemma ? "<eos>" : null)];
    return { start: ids(addsBos === true, bos), end: ids(addsEos === true, eos) };
  };
  const pad = special.pad ?? (kind === siglipTokenizer ? "</s>" : "<pad>");
  const side = config.padding_side ?? paddingOfFile ?? (isGemma ? "left" : "right");
  return { ...around(), padId: idOf(pad), padsLeft: side === "left", readsPadding: true };
}

/**
 * Prepares a text for the library that follows `tokenizer.json`. SigLIP's own tokenizer leaves small letters,
 * without ASCII punctuation, and single spaces: `SiglipTokenizer.canonicalize_text`.
 */
export function canonicalText(text: string, config: Config): string {
  if (className(config.tokenizer_class) !== siglipTokenizer) return text;
  const cased = config.do_lower_case === false ? text : text.toLowerCase();
  return cased
    .replaceAll(/[!-/:-@[-`{-~]/g, "")
    .replaceAll(/\s+/g, " ")
    .trim();
}

/** A `tokenizer.json` with the lower-casing that `Siglip2Tokenizer` puts before its normaliser. */
export function withLowerCase<Json extends { readonly normalizer?: unknown }>(
  json: Json,
  config: Config,
): Json {
  if (className(config.tokenizer_class) !== "Siglip2Tokenizer") return json;
  const normalizers = [{ type: "Lowercase" }, ...(json.normalizer == null ? [] : [json.normalizer])];
  return { ...json, normalizer: { type: "Sequence", normalizers } };
}

/** transformers 4 names a class twice: with its fast implementation's suffix and without. */
function className(name: string | null | undefined): string {
  return (name ?? "").replace(/Fast$/, "");
}
