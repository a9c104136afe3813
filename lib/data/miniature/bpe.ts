import { byteSymbols, endOfWord } from "../../clip/index.js";

/** A pair of neighbouring symbols that byte-pair encoding joins. */
export type Merge = readonly [left: string, right: string];

/**
 * Learns byte-pair merges, most frequent pair first and ties in code-unit order (Sennrich et al.,
 * arXiv:1508.07909).
 * @param words each word with the number of times it occurs
 * @param limit the most merges to learn; fewer when every word is one symbol before
 */
export function learnMerges(words: ReadonlyMap<string, number>, limit: number): Merge[] {
  const symbols = byteSymbols();
  let corpus = [...words].map(([word, count]) => {
    const spelled = [...new TextEncoder().encode(word)].map((byte) => symbols.get(byte) as string);
    spelled.push(`${spelled.pop()}${endOfWord}`);
    return { spelled, count };
  });
  const merges: Merge[] = [];
  while (merges.length < limit) {
    const best = mostFrequentPair(corpus);
    if (best === undefined) break;
    merges.push(best);
    corpus = corpus.map(({ spelled, count }) => ({ spelled: join(spelled, best), count }));
  }
  return merges;
}

function mostFrequentPair(
  corpus: readonly { spelled: readonly string[]; count: number }[],
): Merge | undefined {
  const counts = new Map<string, number>();
  for (const { spelled, count } of corpus) {
    for (let i = 1; i < spelled.length; i++) {
      const pair = `${spelled[i - 1]} ${spelled[i]}`;
      counts.set(pair, (counts.get(pair) ?? 0) + count);
    }
  }
  let best: string | undefined;
  for (const [pair, count] of counts) {
    const lead = best === undefined ? 1 : count - (counts.get(best) as number);
    if (lead > 0 || (lead === 0 && pair < (best as string))) best = pair;
  }
  return best?.split(" ") as Merge | undefined;
}

function join(spelled: readonly string[], [left, right]: Merge): string[] {
  const joined: string[] = [];
  for (let i = 0; i < spelled.length; i++) {
    const matches = spelled[i] === left && spelled[i + 1] === right;
    joined.push(matches ? left + right : (spelled[i] as string));
    if (matches) i++;
  }
  return joined;
}
