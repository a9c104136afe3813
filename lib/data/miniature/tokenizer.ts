import { formatTokenizer, type TokenizerFiles, wordPattern } from "../../clip/index.js";
import { Random } from "../random.js";
import { learnMerges } from "./bpe.js";
import { miniatureDomains } from "./domains.js";
import { mixtureDrawing } from "./mixture.js";

/** Entries of the vocabulary: 2 × 256 byte symbols, merges, and the two markers. */
const vocabularyLimit = 1024;
const reserved = 2 * 256 + 2;
const corpusCaptions = 4000;

/**
 * Builds a tokenizer laid out as OpenAI's CLIP tokenizer, its merges learned from captions of the miniature
 * world.
 */
export function buildMiniatureTokenizer(contextLength: number): TokenizerFiles {
  const files = formatTokenizer(learnMerges(corpusWords(), vocabularyLimit - reserved));
  return { ...files, config: { ...files.config, do_lower_case: true, model_max_length: contextLength } };
}

/** Words of the class prompts and of a sample of the mixture's captions, with their counts. */
function corpusWords(): Map<string, number> {
  const prompts = miniatureDomains.flatMap(({ classes, template }) =>
    classes.map((name) => template.replace("{}", name)),
  );
  const captions = Array.from(
    { length: corpusCaptions },
    (_, i) => mixtureDrawing(new Random(`corpus/${i}`)).caption,
  );
  const counts = new Map<string, number>();
  for (const text of [...prompts, ...captions]) {
    for (const [word] of text.toLowerCase().matchAll(new RegExp(wordPattern, "gu"))) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}
