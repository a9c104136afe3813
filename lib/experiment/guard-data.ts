import type { DualEncoder } from "../clip/index.js";
import { findImages } from "../data/index.js";
import { type ComparisonData, readPairs } from "../guard/index.js";
import { readTextLines, UsageError } from "../options/index.js";
import type { GuardConfig } from "./guard-config.js";
import type { WorkObserver } from "./observer.js";
import { openHoldOuts } from "./open-data.js";

type TestSets = Awaited<ReturnType<NonNullable<ComparisonData["testSets"]>>>;

/**
 * Opens the data on which a guard compares models. Images of datasets are loaded once for each preprocessing
 * that is met.
 * @throws UsageError if a file is missing or empty
 */
export async function openGuardData(
  { datasets, holdOuts, retrieval, index }: GuardConfig,
  options: { readonly cache: boolean; readonly progress: WorkObserver; readonly signal: AbortSignal },
): Promise<ComparisonData> {
  const { cache, progress, signal } = options;
  const load = (entries: GuardConfig["datasets"], model: DualEncoder) =>
    openHoldOuts({ holdOuts: entries, cache, kind: "the guard's" }, model, progress, signal);
  const loaded = new Map<string, TestSets>();
  return {
    ...(datasets.length + holdOuts.length > 0 && {
      async testSets(model: DualEncoder) {
        const key = JSON.stringify(model.preprocessing.transform);
        const found = loaded.get(key) ?? {
          datasets: await load(datasets, model),
          holdOuts: await load(holdOuts, model),
        };
        loaded.set(key, found);
        return found;
      },
    }),
    ...(retrieval && { retrieval: await readPairs(retrieval.pairs) }),
    ...(index && {
      index: { images: await indexImages(index.images, progress), queries: readQueries(index.queries) },
    }),
  };
}

async function indexImages(places: readonly string[], progress: WorkObserver): Promise<readonly string[]> {
  const { files, missing, warnings } = await findImages(places);
  for (const line of warnings) progress.say(line);
  const [lost] = missing;
  if (lost === undefined) return files;
  throw new UsageError(`index: ${lost.path}: ${lost.reason}. Correct the path in the guard.`);
}

function readQueries(path: string): string[] {
  const lines = readTextLines(path, path);
  if (lines.length > 0) return lines;
  throw new UsageError(`${path}: expected a query on each line, got none. Write some.`);
}
