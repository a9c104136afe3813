import { z } from "zod";
import type { DualEncoder } from "../clip/index.js";
import { settingsShape } from "../options/index.js";
import type { RunRecord, TestSet } from "../protocol/index.js";
import { entrySchema, streamSchema } from "./dataset-config.js";
import { openMiniatureTasks } from "./miniature.js";
import type { WorkObserver } from "./observer.js";
import { openHoldOuts } from "./open-data.js";

/**
 * Loads the test images of a finished run again.
 * @throws if they are not where the run found them, or have changed since
 */
export async function openTestSets(
  { config, seed, datasets, holdOuts = [] }: RunRecord,
  model: DualEncoder,
  progress: WorkObserver,
): Promise<{ stream: TestSet[]; holdOuts: TestSet[] }> {
  const loaded = await load(recordedSchema.parse(config), seed, model, progress);
  const find = ({ name, testImages }: { name: string; testImages: number }) => {
    const found = loaded.find((set) => set.name === name);
    if (found?.test.length === testImages) return found;
    throw new Error(
      `Dataset ${name}: expected the ${testImages} test images of the run, got ${found?.test.length ?? 0}. Restore them, or run again.`,
    );
  };
  return { stream: datasets.map(find), holdOuts: holdOuts.map(find) };
}

/** The places of datasets in a record: those of `codyra run`, or the numbers of the miniature world. */
const recordedSchema = z.object({
  datasets: streamSchema.optional(),
  holdOuts: z.array(entrySchema).default([]),
  shots: settingsShape.shots,
  testPerClass: z.int().positive().optional(),
});

async function load(
  { datasets, holdOuts, shots, testPerClass }: z.infer<typeof recordedSchema>,
  seed: number,
  model: DualEncoder,
  progress: WorkObserver,
): Promise<readonly TestSet[]> {
  if (datasets !== undefined) {
    return openHoldOuts(
      { holdOuts: [...datasets, ...holdOuts], cache: true },
      model,
      progress,
      new AbortController().signal,
    );
  }
  if (testPerClass === undefined) {
    throw new Error(
      "The run does not say where its datasets were: expected one of codyra run or codyra demo.",
    );
  }
  return openMiniatureTasks({ shots: shots ?? 1, testPerClass, seed }, model);
}
