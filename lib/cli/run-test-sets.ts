import type { ClipModel } from "../clip/index.js";
import type { RunRecord, TestSet } from "../protocol/index.js";
import type { Config } from "./config.js";
import { openHoldOuts, openMiniatureTasks } from "./experiment.js";
import type { Progress } from "./progress.js";

/**
 * Loads the test images of a finished run again.
 * @throws if they are not where the run found them, or have changed since
 */
export async function openTestSets(
  { config, seed, datasets, holdOuts = [] }: RunRecord,
  model: ClipModel,
  progress: Progress,
): Promise<{ stream: TestSet[]; holdOuts: TestSet[] }> {
  const loaded = await load(config as Partial<Config> & MiniatureConfig, seed, model, progress);
  const find = ({ name, testImages }: { name: string; testImages: number }) => {
    const found = loaded.find((set) => set.name === name);
    if (found?.test.length === testImages) return found;
    throw new Error(
      `Dataset ${name}: expected the ${testImages} test images of the run, got ${found?.test.length ?? 0}. Restore them, or run again.`,
    );
  };
  return { stream: datasets.map(find), holdOuts: holdOuts.map(find) };
}

interface MiniatureConfig {
  readonly testPerClass?: number;
}

async function load(
  { datasets, holdOuts = [], shots, testPerClass }: Partial<Config> & MiniatureConfig,
  seed: number,
  model: ClipModel,
  progress: Progress,
): Promise<readonly TestSet[]> {
  if (datasets !== undefined) {
    const tested = { holdOuts: [...datasets, ...holdOuts], cache: true } as unknown as Config;
    return openHoldOuts(tested, model, progress, new AbortController().signal);
  }
  if (testPerClass === undefined) {
    throw new Error(
      "The run does not say where its datasets were: expected one of codyra run or codyra demo.",
    );
  }
  return openMiniatureTasks({ shots: shots ?? 1, testPerClass, seed }, model);
}
