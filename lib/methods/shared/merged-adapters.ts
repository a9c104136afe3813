import type { Task } from "../../data/index.js";
import * as lora from "../../lora/index.js";
import * as torch from "../../torch/index.js";
import { countTrainable, mergeAdapters, trainAdapters } from "./adapters.js";
import { begun } from "./begun.js";
import type { TrainingOptions } from "./options.js";
import { replayClassifiers } from "./replay-classifiers.js";
import { ReplayedTask } from "./replayed-task.js";
import type { StatisticsReplay } from "./statistics-replay.js";
import { taskSeed } from "./training.js";
import {
  type ContinualMethod,
  emptyState,
  type MethodState,
  type RunContext,
  type TrainSummary,
} from "./types.js";

/** Differences between the methods with merged low-rank adapters. */
export interface AdapterPlan {
  readonly name: string;
  readonly options: TrainingOptions & Readonly<Record<string, unknown>>;
  readonly lora: lora.LoraConfig;
  readonly optimizer: lora.LoraOptimizerOptions;
  /** Statistics of earlier classes, where they are replayed. */
  readonly replay?: StatisticsReplay;
  /**
   * Thresholding says only how many ranks are dropped, and chance says which; `isShrunk` as in
   * `RandomPruning`.
   */
  readonly randomPruning?: { readonly isShrunk: boolean };
  /** κ of an iteration; `relative` gives an iteration's learning rate over the highest one. */
  kappa(relative: (iteration: number) => number): (iteration: number) => number;
}

/**
 * Fresh adapters for each task, trained on it, then merged: after each task the model is an ordinary CLIP
 * again.
 */
export class MergedAdapters implements ContinualMethod {
  readonly name: string;
  readonly options: AdapterPlan["options"];
  readonly isParallel = true;
  readonly replaysStatistics: boolean;
  readonly classifier: ContinualMethod["classifier"];
  readonly featureClassifier: ContinualMethod["featureClassifier"];
  readonly stateAfter: ContinualMethod["stateAfter"];
  readonly head: ContinualMethod["head"];
  readonly #plan: AdapterPlan;
  readonly #schedule: (iteration: number) => number;
  readonly #kappa: (iteration: number) => number;
  #adapters: lora.LoraModel | undefined;
  #generator: torch.Generator | undefined;
  #replayed: ReplayedTask | undefined;

  constructor(plan: AdapterPlan) {
    const { learningRate, iterations, warmup } = plan.options;
    const schedule = torch.optim.cosineSchedule({ learningRate, total: iterations, warmup });
    this.name = plan.name;
    this.options = plan.options;
    this.replaysStatistics = plan.replay !== undefined;
    this.#plan = plan;
    const { classifier, featureClassifier, stateAfter, head } = replayClassifiers(plan.replay);
    this.classifier = classifier;
    this.featureClassifier = featureClassifier;
    this.stateAfter = stateAfter;
    this.head = head;
    this.#schedule = schedule;
    this.#kappa = plan.kappa((iteration) => schedule(iteration) / learningRate);
  }

  async beginRun(context: RunContext): Promise<void> {
    await this.#plan.replay?.beginRun(context);
  }

  beginTask(_task: Task, context: RunContext): void {
    context.model.requiresGrad_(false);
    this.#generator = torch.generator(taskSeed(context));
    this.#adapters = lora.inject(context.model, this.#plan.lora, this.#generator);
  }

  async trainTask(task: Task, context: RunContext): Promise<TrainSummary> {
    const { options, optimizer, replay, randomPruning } = this.#plan;
    const adapters = begun(this.#adapters, this.name);
    const [threshold, generator] = [optimizer.threshold, this.#generator];
    using pruning =
      randomPruning && new lora.RandomPruning(adapters, { ...randomPruning, threshold, generator });
    try {
      this.#replayed = replay && (await ReplayedTask.begin(replay, task, context, options.cropScale));
      const loss = await trainAdapters(task, context, {
        adapters,
        options,
        optimizer,
        schedule: this.#schedule,
        kappa: this.#kappa,
        pruning,
        plan: { texts: this.#replayed?.texts },
        state: this.#replayed?.state,
      });
      await this.#replayed?.watch();
      return { iterations: options.iterations, loss, trainableParameters: countTrainable(adapters) };
    } catch (error) {
      adapters.remove(); // what was learned so far is not merged: the model stays as it was before the task
      this.#adapters = undefined;
      this.#replayed?.dispose();
      this.#replayed = undefined;
      throw error;
    }
  }

  endTask(task: Task, context: RunContext): void {
    const adapters = begun(this.#adapters, this.name);
    this.#adapters = undefined;
    using replayed = this.#replayed;
    this.#replayed = undefined;
    mergeAdapters(task, context, [adapters]);
    replayed?.keep();
  }

  /** Everything else that was learned is in the model's weights. */
  state(): MethodState {
    return this.#plan.replay?.state() ?? emptyState;
  }

  loadState(state: MethodState): void {
    this.#plan.replay?.loadState(state);
  }

  dispose(): void {
    this.#plan.replay?.dispose();
  }
}
