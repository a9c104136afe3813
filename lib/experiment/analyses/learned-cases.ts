import { copyModel, type DualEncoder } from "../../clip/index.js";
import type { Task } from "../../data/index.js";
import { copyUpdates, type LowRankUpdates } from "../../lora/index.js";
import { type ContinualMethod, standaloneContext, type TaskChange } from "../../methods/index.js";
import { mergeOptions, UsageError } from "../../options/index.js";
import * as torch from "../../torch/index.js";
import { readConfig } from "../config.js";
import { openMiniatureTasks } from "../miniature.js";
import { readMiniatureSettings } from "../miniature-settings.js";
import { modelSettings } from "../models.js";
import { openTasks } from "../open-data.js";
import { openMethod } from "../open-method.js";
import { openModel } from "../open-model.js";
import { type AnalysisWatch, type CaseSource, type FrontierCase, release } from "./frontier-case.js";

/** Cases that are learned from the pre-trained model, each dataset alone. */
export interface LearnedCases {
  /** Default: 0, or that of the configuration. */
  readonly seeds?: readonly number[];
  /** Names of datasets, or their positions from 0. Default: the first. */
  readonly tasks?: readonly string[];
  /** Options of the method. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Cases on the miniature benchmark, with the options that it gives CoDyRA. */
export function casesOfMiniature(
  { seeds = [0], tasks, options = {} }: LearnedCases,
  watch: AnalysisWatch,
): CaseSource {
  const { model: start, shots, testPerClass, methods } = readMiniatureSettings(torch.packageRoot);
  const method = methodOf("codyra", mergeOptions(methods.codyra ?? {}, options));
  return learnedCases(method, { seeds, tasks }, watch, {
    source: "miniature",
    openModel: () => openModel({ model: start }, "cpu"),
    openTasks: (seed, model) => openMiniatureTasks({ shots, testPerClass, seed }, model),
  });
}

/** @param path a configuration of `run`, with the method codyra or lora */
export function casesOfConfig(
  path: string,
  { seeds, tasks, options = {} }: LearnedCases,
  watch: AnalysisWatch,
): CaseSource {
  const config = readConfig(path, { options });
  const method = methodOf(config.method, config.options);
  return learnedCases(method, { seeds: seeds ?? [config.seed], tasks }, watch, {
    source: path,
    openModel: () => openModel(modelSettings(config), config.device, config.precision),
    openTasks: (seed, model) => openTasks({ ...config, seed }, model, watch.progress, watch.signal),
  });
}

/** Makes the method without thresholding, so that all ranks are there to choose from. */
function methodOf(name: string, options: Readonly<Record<string, unknown>>): ContinualMethod {
  if (name !== "codyra" && name !== "lora")
    throw new UsageError(
      `The frontier is that of low-rank updates: expected the method codyra or lora, got ${name}. Change the configuration.`,
    );
  return openMethod(name, name === "codyra" ? { pruning: "none", ...options } : options, "x-tail");
}

interface LearnedSource {
  readonly source: string;
  openModel(): DualEncoder;
  openTasks(seed: number, model: DualEncoder): Promise<Task[]>;
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

/** @returns the updates that the method would merge; they belong to the caller */
async function learn(
  method: ContinualMethod,
  task: Task,
  before: DualEncoder,
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
      learned = copyUpdates(updates);
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
