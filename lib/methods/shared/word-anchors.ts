import { readFileSync } from "node:fs";
import { type DualEncoder, encodePrompts, fillTemplate, type Tokenizer } from "../../clip/index.js";
import { permutation, Random } from "../../data/index.js";
import { decodeText } from "../../options/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { inParts, type PartsContext } from "./in-parts.js";
import type { MethodState, RunContext } from "./types.js";

export interface WordAnchorOptions {
  /**
   * `vocabulary` draws whole words of the tokenizer; otherwise a text file with a word or phrase per line.
   */
  readonly words: string;
  /** Words that are kept, at most. */
  readonly wordCount: number;
  /** Prompts with `{}` for a word; each word stands in each of them. */
  readonly wordTemplates: readonly string[];
}

/**
 * Prompts of generic words, and where the pre-trained text encoder has them. Keeping them there keeps what
 * the encoder knows of words that no task is about.
 */
export class WordAnchors implements Disposable {
  #words: readonly string[] = [];
  #templates: readonly string[] = [];
  #features: Tensor | undefined; // u⁰, unit vectors [words · templates, D]; template by template

  /**
   * Chooses the words and has the pre-trained model encode their prompts.
   * @throws if the file of words is missing or empty, or the run is aborted
   */
  async choose(options: WordAnchorOptions, context: RunContext): Promise<void> {
    const { model, seed, classNames } = context;
    const all = options.words === "vocabulary" ? wholeWords(model.tokenizer) : readWords(options.words);
    const order = permutation(all.length, new Random(JSON.stringify(["generic words", seed])));
    const drawn = order.slice(0, options.wordCount).map((i) => all[i] as string);
    const excluded = wordsOf(classNames);
    this.#words = drawn.filter((word) => !isAbout(word, excluded));
    this.#templates = options.wordTemplates;
    if (this.#words.length > 0) this.#keep(await encodePromptsInParts(model, this.prompts, context));
  }

  get words(): readonly string[] {
    return this.#words;
  }

  get prompts(): string[] {
    return this.#templates.flatMap((template) => this.#words.map((word) => fillTemplate(template, word)));
  }

  /** Positions of the prompts whose words are in none of these class names. */
  positionsWithout(classNames: readonly string[]): number[] {
    const excluded = wordsOf(classNames);
    const free = this.#words.map((word) => !isAbout(word, excluded));
    return this.#templates.flatMap((_, t) =>
      free.flatMap((isFree, i) => (isFree ? [t * free.length + i] : [])),
    );
  }

  /** Unit features of the prompts under the pre-trained model, `[prompts, D]`. */
  get features(): Tensor | undefined {
    return this.#features;
  }

  state(): MethodState {
    const tensors = new Map(this.#features === undefined ? [] : [["anchors.features", this.#features]]);
    return { tensors, data: { words: this.#words, wordTemplates: this.#templates } };
  }

  loadState({ tensors, data }: MethodState): void {
    this.#words = data.words as string[];
    this.#templates = data.wordTemplates as string[];
    this.#keep(tensors.get("anchors.features")?.clone());
  }

  dispose(): void {
    this.#keep(undefined);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #keep(features: Tensor | undefined): void {
    this.#features?.dispose();
    this.#features = features?.keep();
  }
}

/** Words of at least three ASCII letters that are one token, in the order of the vocabulary. */
export function wholeWords(tokenizer: Tokenizer): string[] {
  return tokenizer.wholeWords().filter((word) => /^[a-z]{3,}$/.test(word));
}

/** @throws if the file is missing or holds no words */
function readWords(path: string): string[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new Error(
      `words: expected 'vocabulary' or a text file with a word per line, got '${path}': ${(cause as Error).message}`,
      { cause },
    );
  }
  const lines = decodeText(bytes, `words: ${path}`).split("\n");
  const words = Array.from(new Set(lines.map((line) => line.trim()).filter(Boolean)));
  if (words.length > 0) return words;
  throw new Error(`words: ${path} is empty: expected a word or phrase per line.`);
}

/** The words of class names, in lower case: `Stop_sign` has `stop` and `sign`. */
function wordsOf(classNames: readonly string[]): Set<string> {
  return new Set(classNames.flatMap(splitWords));
}

function isAbout(phrase: string, excluded: ReadonlySet<string>): boolean {
  return splitWords(phrase).some((word) => excluded.has(word));
}

function splitWords(text: string): string[] {
  return text.toLowerCase().match(/\p{L}+/gu) ?? [];
}

/** @returns unit features `[prompts, D]` */
async function encodePromptsInParts(
  model: DualEncoder,
  prompts: readonly string[],
  context: PartsContext,
): Promise<Tensor> {
  const chunk = 256;
  const [count, width, { device }] = [prompts.length, model.config.embedDim, model];
  const features = torch.unscoped(() => torch.zeros([count, width], { device }));
  try {
    await inParts(context, "generic words", Math.ceil(count / chunk), (part) =>
      torch.noGrad(() => {
        const start = part * chunk;
        const { ids, sharedPrefix } = encodePrompts(model.tokenizer, prompts.slice(start, start + chunk), {
          device,
        });
        const encoded = torch.nn.functional.normalize(model.encodeText(ids, { sharedPrefix }));
        features.narrow(0, start, encoded.size(0)).copy_(encoded);
      }),
    );
    return features;
  } catch (error) {
    features.dispose();
    throw error;
  }
}
