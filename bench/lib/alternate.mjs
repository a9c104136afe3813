import { summarize } from "./statistics.mjs";

/**
 * Measures contenders in turns, A B A B …, so that whatever else the machine does meets both alike. The first
 * `warmUp` rounds are thrown away.
 * @param {Record<string, () => number | Promise<number>>} contenders each measures once and returns how long
 * it took
 * @returns {Promise<Record<string, ReturnType<typeof summarize>>>}
 */
export async function alternate(contenders, { rounds, warmUp }) {
  const samples = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = -warmUp; round < rounds; round++) {
    for (const [name, measure] of Object.entries(contenders)) {
      const time = await measure();
      if (round >= 0) samples[name].push(time);
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, times]) => [name, summarize(times)]));
}
