import type { DualEncoder } from "../clip/index.js";
import { describeSplit, loadImages, loadTask, type Task } from "../data/index.js";
import type { TestSet } from "../protocol/index.js";
import { openImageCache } from "./cache-directory.js";
import { checkPrompts } from "./check-prompts.js";
import type { Config } from "./config.js";
import { nameOf, openEntry } from "./dataset-config.js";
import type { WorkObserver } from "./observer.js";

/**
 * Loads the datasets of a configuration, with the few-shot draw of its seed; decoded images come from the
 * cache where they are in it.
 */
export async function openTasks(
  config: Pick<Config, "datasets" | "cache" | "shots" | "seed">,
  { preprocessing, tokenizer }: DualEncoder,
  progress: WorkObserver,
  signal: AbortSignal,
): Promise<Task[]> {
  const cache = openImageCache(config.cache);
  const tasks: Task[] = [];
  for (const entry of config.datasets) {
    const name = nameOf(entry);
    progress.start(`loading ${name}`);
    const { warnings = [], ...dataset } = await openEntry(entry);
    checkPrompts(tokenizer, dataset);
    const task = await loadTask(dataset, {
      preprocessing,
      shots: config.shots ?? undefined,
      seed: config.seed,
      cache,
      signal,
      onProgress: (done, total) => progress.update(done, total),
    });
    progress.finish(
      `${task.train.length} training and ${task.test.length} test images, ${task.classes.length} classes`,
    );
    for (const line of [...describeSplit(dataset.split), ...warnings]) progress.say(`  ${name}: ${line}`);
    for (const { className, available } of task.sample?.short ?? []) {
      progress.say(
        `  ${name}: class '${className}' has only ${available} training images; they are drawn with replacement.`,
      );
    }
    tasks.push(task);
  }
  return tasks;
}

/** Loads the test images of datasets that are evaluated but never trained on. */
export async function openHoldOuts(
  config: Pick<Config, "holdOuts" | "cache"> & { /** What they are, for people. */ readonly kind?: string },
  { preprocessing, tokenizer }: DualEncoder,
  progress: WorkObserver,
  signal: AbortSignal,
): Promise<TestSet[]> {
  const cache = openImageCache(config.cache);
  const holdOuts: TestSet[] = [];
  for (const entry of config.holdOuts) {
    const name = nameOf(entry);
    progress.start(`loading ${config.kind ?? "hold-out"} ${name}`);
    const { warnings = [], split, classes, templates, test: examples } = await openEntry(entry);
    checkPrompts(tokenizer, { name, classes, templates });
    const test = await loadImages(examples, preprocessing.transform, {
      cache,
      name: `${name} test`,
      signal,
      onProgress: (done, total) => progress.update(done, total),
    });
    progress.finish(`${test.length} test images, ${classes.length} classes`);
    for (const line of [...describeSplit(split), ...warnings]) progress.say(`  ${name}: ${line}`);
    holdOuts.push({ name, classes, templates, test });
  }
  return holdOuts;
}
