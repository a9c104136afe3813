/** A sentence and the number of line ends before it. */
export interface Sentence {
  readonly text: string;
  readonly linesBefore: number;
  readonly words: number;
}

// Each stands for one word, whatever it holds: code, a formula, a shape.
const oneWord = [/`[^`]+`/g, /\$[^$]+\$/g, /\[[^\]]*\](?!\()/g, /\{@link [^}]+\}/g];
const target = /(?<=\])\([^)]*\)/g;
const reference = /\((?:[^()]*\b(?:arXiv|eq\.|fig\.|table \d|section|appendix|https?:)[^()]*|\[[^\]]*\])\)/gi;
const abbreviation = /\b(?:e\.g|i\.e|eq|fig|cf|vs|al|no|approx|etc)\.$/i;

/** The sentences of a paragraph. */
export function sentences(text: string): Sentence[] {
  const masked = mask(text);
  const found: Sentence[] = [];
  let start = 0;
  for (const end of masked.matchAll(/[.!?]["')*_\]]*(?=\s|$)|$/g)) {
    const stop = end.index + end[0].length;
    if (stop < masked.length && abbreviation.test(masked.slice(start, end.index + 1))) continue;
    const raw = text.slice(start, stop);
    const words = masked.slice(start, stop).match(/\S*[\p{L}\d]\S*/gu)?.length ?? 0;
    const linesBefore = (text.slice(0, start) + (/^\s*/.exec(raw)?.[0] ?? "")).split("\n").length - 1;
    if (words) found.push({ text: raw.replace(/\s+/g, " ").trim(), linesBefore, words });
    start = stop;
  }
  return found;
}

/** The text with code, formulas and references blotted out at the same length. */
function mask(text: string): string {
  const blank = (found: string) => found.replace(/[^\n]/g, " ");
  const word = (found: string) => "x".repeat(found.length);
  const joined = (found: string) => "-".repeat(found.length);
  const unlinked = text.replace(reference, blank).replace(target, joined);
  return oneWord.reduce((masked, pattern) => masked.replace(pattern, word), unlinked);
}
