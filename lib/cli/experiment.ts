import { join } from "node:path";
import { ZodError } from "zod";
import { type ClipModel, defaultPrecision, loadModel, type Precision } from "../clip/index.js";
import {
  describeSplit,
  ImageCache,
  loadImages,
  loadTask,
  miniature,
  type Task,
  taskFromArrays,
} from "../data/index.js";
import {
  type ContinualMethod,
  createMethod,
  type ProtocolName,
  type ReferenceData,
  type RunEvent,
} from "../methods/index.js";
import {
  type AccuracyMatrix,
  type BatchSize,
  type RunObserver,
  readStatistics,
  run,
  type TestSet,
} from "../protocol/index.js";
import type { Device } from "../torch/index.js";
import { cacheDirectory, imageCacheDirectory } from "./cache-directory.js";
import type { Config } from "./config.js";
import { nameOf, openEntry } from "./dataset-config.js";
import { type ModelSettings, resolveModel } from "./models.js";
import type { Progress } from "./progress.js";
import { UsageError } from "./usage-error.js";

/** @throws if there is no such model, or its files are damaged */
export function openModel(
  { model, ...options }: ModelSettings,
  device: string,
  precision?: Precision,
): ClipModel {
  return loadModel(resolveModel(model), {
    ...options,
    device: device as Device,
    precision: precision ?? defaultPrecision(device as Device),
  });
}

/**
 * A method by name. Make it before data is read, so that a mistake is told at once.
 * @throws UsageError or ZodError if there is none of that name, or its options do not fit
 */
export function openMethod(
  name: string,
  options: Readonly<Record<string, unknown>>,
  protocol: ProtocolName,
): ContinualMethod {
  try {
    return createMethod(name, options, protocol);
  } catch (error) {
    throw error instanceof ZodError ? error : new UsageError((error as Error).message, { cause: error });
  }
}

/** Loads the datasets of a configuration, with the few-shot draw of its seed; decoded images come from the cache where they are in it. */
export async function openTasks(
  config: Config,
  { preprocessing }: ClipModel,
  progress: Progress,
  signal: AbortSignal,
): Promise<Task[]> {
  const cache = config.cache ? new ImageCache(imageCacheDirectory()) : undefined;
  const tasks: Task[] = [];
  for (const entry of config.datasets) {
    const name = nameOf(entry);
    progress.start(`loading ${name}`);
    const { warnings = [], ...dataset } = await openEntry(entry);
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
  config: Config,
  { preprocessing }: ClipModel,
  progress: Progress,
  signal: AbortSignal,
): Promise<TestSet[]> {
  const cache = config.cache ? new ImageCache(imageCacheDirectory()) : undefined;
  const holdOuts: TestSet[] = [];
  for (const entry of config.holdOuts) {
    const name = nameOf(entry);
    progress.start(`loading hold-out ${name}`);
    const { warnings = [], split, classes, templates, test: examples } = await openEntry(entry);
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

export interface MiniatureOptions {
  readonly shots: number;
  readonly testPerClass: number;
  readonly seed: number;
}

/** The domains of the miniature world as tasks, drawn once and then read from the cache. */
export async function openMiniatureTasks(options: MiniatureOptions, model: ClipModel): Promise<Task[]> {
  const { shots, testPerClass, seed } = options;
  const size = model.config.vision.imageSize;
  const directory = join(cacheDirectory(), "miniature");
  return Promise.all(
    miniature.miniatureDomains.map(async ({ name, classes, template }) => {
      const draw = (split: "train" | "test", perClass: number) =>
        miniature.drawDomain(name, {
          split,
          perClass,
          seed: split === "train" ? seed : 0,
          size,
          cacheDirectory: directory,
        });
      const [train, test] = await Promise.all([draw("train", shots), draw("test", testPerClass)]);
      return taskFromArrays({ name, classes, templates: [template], size, train, test });
    }),
  );
}

export interface ExperimentOptions {
  readonly name: string;
  readonly protocol: ProtocolName;
  readonly method: ContinualMethod;
  readonly model: ModelSettings;
  readonly device: string;
  /** Default: `bf16` on CUDA, else `fp32`. */
  readonly precision?: Precision;
  readonly seed: number;
  readonly directory: string;
  readonly evaluationBatchSize?: BatchSize;
  readonly reference?: ReferenceData;
  /** Evaluated after every task, and never trained on. */
  readonly holdOuts?: readonly TestSet[];
  /** Recorded with the run. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly resume?: boolean;
  /** Told every event of the run. */
  readonly onEvent?: (event: RunEvent) => void;
  readonly signal: AbortSignal;
}

/** Runs one method over loaded tasks from a fresh copy of the model, with progress. */
export async function runExperiment(
  options: ExperimentOptions,
  tasks: readonly Task[],
  progress: Progress,
): Promise<AccuracyMatrix> {
  const model = openModel(options.model, options.device, options.precision);
  const inherited = readStatistics(resolveModel(options.model.model));
  try {
    return await run({
      ...options,
      model,
      inherited,
      tasks,
      observer: { ...showProgress(options.method.name, tasks, progress), logged: options.onEvent },
    });
  } finally {
    model.dispose();
    for (const tensor of inherited?.tensors.values() ?? []) tensor.dispose();
  }
}

/** One line per task: a bar while it trains, another while it is evaluated, then the outcome. */
function showProgress(method: string, tasks: readonly Task[], progress: Progress): RunObserver {
  const width = Math.max(...tasks.map((task) => task.name.length));
  const label = (index: number, what: string): string =>
    `${method.padEnd(10)} ${`${index + 1}/${tasks.length}`.padStart(5)}  ${what.padEnd(width)}`;
  progress.start(label(-1, "zero-shot"));
  return {
    warn: (message) => progress.say(`  ${message}`),
    taskStarted: (index, task) => progress.start(label(index, task.name)),
    trained: (done, total, loss) => progress.update(done, total, `loss ${loss.toFixed(3)}`),
    worked: (what, done, total) => progress.update(done, total, what),
    evaluated: (done, total) => progress.update(done, total, "evaluating"),
    taskFinished: (_index, accuracies) => progress.finish(`mean accuracy ${percent(mean(accuracies))}`),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}
