import { type ClipModel, copyModel } from "../../clip/index.js";
import type { ImageSet, Task } from "../../data/index.js";
import type { LowRankUpdates } from "../../lora/index.js";
import { type ContinualMethod, standaloneContext, type TaskChange } from "../../methods/index.js";
import { mergeOptions, UsageError } from "../../options/index.js";
import type { TestSet } from "../../protocol/index.js";
import type { RunRecord } from "../../records/index.js";
import * as torch from "../../torch/index.js";
import { readConfig } from "../config.js";
import { openBaseModel, openFinishedRun, taskPosition } from "../finished-run.js";
import { configOfRun } from "../learn.js";
import { openMiniatureTasks } from "../miniature.js";
import { readMiniatureSettings } from "../miniature-settings.js";
import { modelSettings } from "../models.js";
import type { WorkObserver } from "../observer.js";
import { openTasks } from "../open-data.js";
import { openMethod } from "../open-method.js";
import { openModel } from "../open-model.js";

/** One dataset, learned from one model with one seed. */
export interface FrontierCase {
  readonly seed: number;
  readonly dataset: string;
  /** As it was before the dataset was learned. */
  readonly before: ClipModel;
  /** What was learned, of both encoders. */
  readonly updates: LowRankUpdates;
  readonly train: ImageSet;
  readonly stream: readonly TestSet[];
}

export interface CaseSource {
  readonly source: string;
  readonly method: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** How many cases there will be. */
  readonly count: number;
  /** One after the other; the model and the updates of a case are released when the next one is asked for. */
  cases(): AsyncGenerator<FrontierCase>;
}

export interface CaseFlags {
  readonly run?: string;
  readonly config?: string;
  readonly seeds?: readonly number[];
  readonly tasks?: readonly string[];
  readonly option: Readonly<Record<string, unknown>>;
}

/** What watches a long analysis. */
export interface AnalysisWatch {
  readonly progress: WorkObserver;
  readonly signal: AbortSignal;
}

/** @throws UsageError if what is asked for does not go together, or does not exist */
export function openCases(flags: CaseFlags, watch: AnalysisWatch): CaseSource {
  const { run, config } = flags;
  if (run !== undefined && config !== undefined)
    throw new UsageError("Expected --run or --config, got both. Leave one of them out.");
  if (run !== undefined) return casesOfRun(run, flags, watch);
  return config === undefined ? casesOfMiniature(flags, watch) : casesOfConfig(config, flags, watch);
}

/** The updates that a run has made already, of survivors of its thresholding. */
function casesOfRun(path: string, { seeds, tasks, option }: CaseFlags, watch: AnalysisWatch): CaseSource {
  if (seeds !== undefined || Object.keys(option).length > 0)
    throw new UsageError(
      "A run has its seed and options already: leave --seeds and --option out, or give --config.",
    );
  const { directory, finished } = openFinishedRun(path);
  const record = directory.readRecord();
  const positions = (tasks ?? ["0"]).map((task) => taskPosition(task, directory, finished));
  async function* cases(): AsyncGenerator<FrontierCase> {
    const pretrained = openBaseModel(directory);
    const loaded = await tasksOfRun(path, record, pretrained, watch);
    try {
      const stream = record.datasets.map(({ name, fingerprint }) => {
        const found = loaded.find((task) => task.name === name);
        if (found?.fingerprint === fingerprint) return found;
        throw new Error(
          `Dataset ${name}: expected the images of ${path}, got ${found ? "others" : "none"}. Restore them, or run again.`,
        );
      });
      for (const position of positions) {
        const before = copyModel(pretrained);
        if (position > 0) directory.restoreModel(position - 1, before);
        const updates = directory.readUpdates(position);
        const task = stream[position] as Task;
        try {
          yield { seed: record.seed, dataset: task.name, before, updates, train: task.train, stream };
        } finally {
          before.dispose();
          release(updates);
        }
      }
    } finally {
      for (const task of loaded) task.dispose();
      pretrained.dispose();
    }
  }
  const { options = {} } = record.config as { options?: Record<string, unknown> };
  return { source: path, method: record.method, options, count: positions.length, cases };
}

function tasksOfRun(
  path: string,
  { config, seed }: RunRecord,
  model: ClipModel,
  { progress, signal }: AnalysisWatch,
): Promise<Task[]> {
  if (config.datasets !== undefined) return openTasks(configOfRun(path), model, progress, signal);
  const { shots, testPerClass } = config as { shots?: number; testPerClass?: number };
  if (shots === undefined || testPerClass === undefined) {
    throw new Error(
      "The run does not say where its datasets were: expected one of codyra run or codyra demo.",
    );
  }
  return openMiniatureTasks({ shots, testPerClass, seed }, model);
}

function casesOfMiniature({ seeds = [0], tasks, option }: CaseFlags, watch: AnalysisWatch): CaseSource {
  const { model: start, shots, testPerClass, methods } = readMiniatureSettings(torch.packageRoot);
  const method = methodOf("codyra", mergeOptions(methods.codyra ?? {}, option));
  return learnedCases(method, { seeds, tasks }, watch, {
    source: "miniature",
    openModel: () => openModel({ model: start }, "cpu"),
    openTasks: (seed, model) => openMiniatureTasks({ shots, testPerClass, seed }, model),
  });
}

function casesOfConfig(path: string, { seeds, tasks, option }: CaseFlags, watch: AnalysisWatch): CaseSource {
  const config = readConfig(path, { options: option });
  const method = methodOf(config.method, config.options);
  return learnedCases(method, { seeds: seeds ?? [config.seed], tasks }, watch, {
    source: path,
    openModel: () => openModel(modelSettings(config), config.device, config.precision),
    openTasks: (seed, model) => openTasks({ ...config, seed }, model, watch.progress, watch.signal),
  });
}

/** Without thresholding, so that all ranks are there to choose from. */
function methodOf(name: string, options: Readonly<Record<string, unknown>>): ContinualMethod {
  if (name !== "codyra" && name !== "lora")
    throw new UsageError(
      `The frontier is that of low-rank updates: expected the method codyra or lora, got ${name}. Change the configuration.`,
    );
  return openMethod(name, name === "codyra" ? { pruning: "none", ...options } : options, "x-tail");
}

interface LearnedSource {
  readonly source: string;
  openModel(): ClipModel;
  openTasks(seed: number, model: ClipModel): Promise<Task[]>;
}

/** Each dataset alone, from the pre-trained model. */
function learnedCases(
  method: ContinualMethod,
  { seeds, tasks: wanted }: { seeds: readonly number[]; tasks?: readonly string[] },
  watch: AnalysisWatch,
  { source, ...open }: LearnedSource,
): CaseSource {
  async function* cases(): AsyncGenerator<FrontierCase> {
    const before = open.openModel();
    try {
      for (const seed of seeds) {
        watch.progress.start(`seed ${seed}  loading images`);
        const stream = await open.openTasks(seed, before);
        watch.progress.finish();
        try {
          for (const task of choose(stream, wanted)) {
            const updates = await learn(method, task, before, seed, watch);
            try {
              yield { seed, dataset: task.name, before, updates, train: task.train, stream };
            } finally {
              release(updates);
            }
          }
        } finally {
          for (const task of stream) task.dispose();
        }
      }
    } finally {
      before.dispose();
      method.dispose?.();
    }
  }
  const count = seeds.length * (wanted?.length ?? 1);
  return { source, method: method.name, options: method.options, count, cases };
}

function choose(stream: readonly Task[], wanted: readonly string[] | undefined): Task[] {
  if (wanted === undefined) return stream.slice(0, 1);
  return wanted.map((name) => {
    const found = stream.find((task, i) => task.name === name || String(i) === name);
    if (found) return found;
    const known = stream.map((task, i) => `${task.name} (${i})`).join(", ");
    throw new UsageError(`There is no dataset '${name}': expected one of ${known}.`);
  });
}

/** @returns what the method would merge; they belong to the caller */
async function learn(
  method: ContinualMethod,
  task: Task,
  before: ClipModel,
  seed: number,
  { progress, signal }: AnalysisWatch,
): Promise<LowRankUpdates> {
  const model = copyModel(before);
  let learned: LowRankUpdates = new Map();
  const context = {
    ...standaloneContext(model, "x-tail"),
    seed,
    signal,
    progress: (done: number, total: number, loss: number) =>
      progress.update(done, total, `loss ${loss.toFixed(3)}`),
    record({ updates }: TaskChange) {
      learned = new Map(
        Array.from(updates, ([name, { loraA, loraB }]) => [
          name,
          torch.unscoped(() => ({ loraA: loraA.clone(), loraB: loraB.clone() })),
        ]),
      );
    },
  };
  progress.start(`seed ${seed}  learning ${task.name}`);
  try {
    await method.beginTask(task, context);
    await method.trainTask(task, context);
    await method.endTask(task, context);
    progress.finish();
    return learned;
  } finally {
    model.dispose();
  }
}

function release(updates: LowRankUpdates): void {
  for (const { loraA, loraB } of updates.values()) {
    loraA.dispose();
    loraB.dispose();
  }
}
