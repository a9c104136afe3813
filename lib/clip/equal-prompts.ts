import { scope } from "../torch/index.js";
import { classPrompts, defaultTemplate } from "./prompts.js";
import type { Tokenizer } from "./tokenizer.js";

/**
 * The pairs of classes whose prompts are the same tokens in every template, as long names are when they are
 * cut. No classifier tells them apart.
 * @returns each class with the first that it equals
 * @throws if a prompt has more tokens than the model reads and is not to be cut
 */
export function equalPrompts(
  tokenizer: Tokenizer,
  labels: readonly string[],
  templates: readonly string[] = [defaultTemplate],
): (readonly [first: string, other: string])[] {
  const keys = promptTokens(tokenizer, labels, templates);
  const firsts = new Map<string, string>();
  return labels.flatMap((label, i) => {
    const key = keys[i] as string;
    const first = firsts.get(key);
    if (first !== undefined) return [[first, label] as const];
    firsts.set(key, label);
    return [];
  });
}

/**
 * The token ids of each label's prompts, as one text: equal where no classifier tells labels apart.
 * @throws if a prompt has more tokens than the model reads and is not to be cut
 */
export function promptTokens(
  tokenizer: Tokenizer,
  labels: readonly string[],
  templates: readonly string[],
): string[] {
  const rows = templates.map((template) => tokensOf(tokenizer, classPrompts(labels, template)));
  return labels.map((_, i) => rows.map((row) => row[i]).join(";"));
}

/** The token ids of each text, joined by commas. */
function tokensOf(tokenizer: Tokenizer, texts: readonly string[]): string[] {
  return scope(() => {
    const ids = tokenizer.encode(texts);
    const [flat, length] = [ids.toTypedArray() as BigInt64Array, ids.size(1)];
    return texts.map((_, i) => flat.subarray(i * length, (i + 1) * length).join());
  });
}
