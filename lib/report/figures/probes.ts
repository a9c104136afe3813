import type { Run } from "../run.js";
import { type Configuration, configurations } from "./configurations.js";

/** Runs that learn one dataset from the pre-trained model and are tested on others. */
export function probes(runs: readonly Run[], method: string): Configuration[] {
  return configurations(runs, method).filter(
    ({ datasets, holdOuts }) => datasets.length === 1 && holdOuts.length > 0,
  );
}

/** Data sets in the order of first appearance, those that the paper shows before others. */
export function probedDatasets(found: readonly Configuration[]): string[] {
  const names = [...new Set(found.map(({ datasets }) => datasets[0] as string))];
  const isShown = (name: string) => shown.includes(name);
  return [...shown.filter((name) => names.includes(name)), ...names.filter((name) => !isShown(name))];
}

/** Datasets of figures 2, 3 and 9. */
export const shown: readonly string[] = ["aircraft", "eurosat", "oxford_pets"];

/**
 * The configuration that adapts all matrices of both encoders.
 * @param rank default: 16 as in the paper, else the highest
 */
export function fullProbe(
  found: readonly Configuration[],
  dataset: string,
  rank?: unknown,
): Configuration | undefined {
  const full = found.filter(({ datasets, options }) => {
    const { encoders, targets } = options as { encoders?: string; targets?: string[] };
    return datasets[0] === dataset && encoders === "both" && targets?.length === 6;
  });
  const ofRank = (wanted: unknown) => full.find(({ options }) => options.rank === wanted);
  if (rank !== undefined) return ofRank(rank);
  return ofRank(16) ?? full.toSorted((a, b) => Number(b.options.rank) - Number(a.options.rank))[0];
}
