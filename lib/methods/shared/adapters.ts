import type { Task } from "../../data/index.js";
import * as lora from "../../lora/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import type { Describe, Update } from "./iteration.js";
import { liveState } from "./live-state.js";
import type { TrainingOptions } from "./options.js";
import { ReplayedTask } from "./replayed-task.js";
import { joinedState, type StageState } from "./stage.js";
import type { StatisticsReplay } from "./statistics-replay.js";
import { sum } from "./sums.js";
import { type TrainingPlan, taskSeed, train } from "./training.js";
import { type ContinualMethod, emptyState, type RunContext } from "./types.js";
import { zeroShotClassifier, zeroShotFeatureClassifier } from "./zero-shot-classifier.js";

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
export function mergedAdapters(plan: AdapterPlan): ContinualMethod {
  const { learningRate, iterations, warmup } = plan.options;
  const schedule = torch.optim.cosineSchedule({ learningRate, total: iterations, warmup });
  const kappa = plan.kappa((iteration) => schedule(iteration) / learningRate);
  const { replay } = plan;
  let adapters: lora.LoraModel | undefined;
  let replayed: ReplayedTask | undefined;
  let generator: torch.Generator | undefined;

  function current(): lora.LoraModel {
    if (adapters === undefined)
      throw new Error(`${plan.name}: there are no adapters to train. Call beginTask first.`);
    return adapters;
  }

  return {
    name: plan.name,
    options: plan.options,
    isParallel: true,

    beginRun: (context) => replay?.beginRun(context),
    beginTask(_task: Task, context: RunContext) {
      context.model.requiresGrad_(false);
      generator = torch.generator(taskSeed(context));
      adapters = lora.inject(context.model, plan.lora, generator);
    },

    async trainTask(task, context) {
      const trained = current();
      const { options, optimizer } = plan;
      const { threshold } = optimizer;
      using pruning =
        plan.randomPruning &&
        new lora.RandomPruning(trained, { ...plan.randomPruning, threshold, generator });
      try {
        replayed = replay && (await ReplayedTask.begin(replay, task, context, options.cropScale));
        const loss = await trainAdapters(task, context, {
          adapters: trained,
          options,
          optimizer,
          schedule,
          kappa,
          pruning,
          plan: { texts: replayed?.texts },
          state: replayed?.state,
        });
        await replayed?.watch();
        return { iterations, loss, trainableParameters: countTrainable(trained) };
      } catch (error) {
        trained.remove(); // what was learned so far is not merged: the model stays as it was before the task
        adapters = undefined;
        replayed?.dispose();
        replayed = undefined;
        throw error;
      }
    },

    endTask(task, context) {
      const trained = current();
      adapters = undefined;
      using statistics = replayed;
      replayed = undefined;
      mergeAdapters(task, context, [trained]);
      statistics?.keep();
    },

    classifier: zeroShotClassifier,
    featureClassifier: zeroShotFeatureClassifier,
    state: () => replay?.state() ?? emptyState, // everything else that was learned is in the model's weights
    loadState: (state) => replay?.loadState(state),
    dispose: () => replay?.dispose(),
  };
}

/** How adapters are trained. */
export interface AdapterTraining {
  readonly adapters: lora.LoraModel;
  readonly options: TrainingOptions;
  readonly optimizer: lora.LoraOptimizerOptions;
  /** η of an iteration. */
  schedule(iteration: number): number;
  /** κ of an iteration. Default: 0, no thresholding. */
  kappa?(iteration: number): number;
  /** Drops ranks in place of thresholding. */
  readonly pruning?: lora.RandomPruning;
  /** Further terms of the loss, and the origin of the features. */
  readonly plan?: Pick<TrainingPlan, "features" | "texts" | "penalty" | "phase">;
  /** What of that goes from one iteration to the next. */
  readonly state?: StageState;
}

/** Trains adapters on a task. @returns the mean loss since the last report */
export async function trainAdapters(
  task: Task,
  context: RunContext,
  {
    adapters,
    options,
    optimizer: settings,
    schedule,
    kappa = () => 0,
    pruning,
    plan = {},
    state,
  }: AdapterTraining,
): Promise<number> {
  const optimizer = new lora.LoraOptimizer(adapters, settings);
  const scheduled = torch.zeros([3], { dtype: "float64", device: context.model.device }).keep();
  const rates: Rates = (iteration) => [schedule(iteration), kappa(iteration)];
  const describe = (iteration: number): Describe => {
    const [rate, threshold] = rates(iteration);
    return () => ({ learningRate: rate, kappa: threshold, activeRanks: sum(adapters.activeRanks()) });
  };
  try {
    return await train(task, context, {
      ...plan,
      options,
      encoders: adapters.config.encoders,
      parameters: [adapters.parameters],
      state: joinedState({ adapters: adapterState(adapters, optimizer, pruning), plan: state }),
      zeroGrad() {
        adapters.zeroGrad();
        // Rounded once for all passes of an iteration. In float32 they would take as much memory as the
        // model.
        if (context.model.precision === "bf16") adapters.formEffectiveWeights("bfloat16");
      },
      update:
        settings.optimizer === "adamw" && pruning === undefined
          ? recordableStep(optimizer, scheduled, rates, describe)
          : directStep(optimizer, rates, describe, pruning),
    });
  } finally {
    optimizer.dispose();
    scheduled.dispose();
  }
}

/**
 * Merges what a task's adapters learned into the model, and records ranks, updates and their sizes.
 * @param adapters of one rank, on different layers
 * @throws if an adapter is not finite; then all are removed, and the model is as it was before the task
 */
export function mergeAdapters(task: Task, context: RunContext, adapters: readonly lora.LoraModel[]): void {
  torch.scope(() => {
    const updates = adapters.map((each) => lora.survivingRanks(each));
    let changes: lora.ModuleUpdate[] = [];
    try {
      for (const each of adapters) each.checkFinite();
      changes = adapters.flatMap((each, i) =>
        lora.measureAdapters(context.model, each, updates[i] as lora.LowRankUpdates),
      );
    } catch (cause) {
      for (const each of adapters) each.remove();
      throw new Error(`What was learned on dataset '${task.name}' is lost: ${(cause as Error).message}`, {
        cause,
      });
    }
    const rank = adapters[0]?.config.rank ?? 0;
    const active = adapters.flatMap((each) => each.merge());
    const merged = new Map(updates.flatMap((each) => Array.from(each)));
    context.record({ rank, modules: changes, active, updates: merged });
  });
}

/** Numbers that the adapters train. */
export function countTrainable({ numTrainable }: lora.LoraModel): number {
  return numTrainable.factors + numTrainable.importance;
}

function adapterState(
  { parameters }: lora.LoraModel,
  optimizer: lora.LoraOptimizer,
  pruning?: lora.RandomPruning,
): StageState {
  const { state, loadState } = liveState({
    tensors: { parameters, pruning: pruning?.tensors },
    optimizers: [optimizer],
  });
  return {
    state: (isDone) => ({ ...state(isDone), data: { steps: optimizer.steps } }),
    loadState(saved) {
      loadState(saved);
      optimizer.steps = saved.data.steps as number;
    },
  };
}

/** η and κ of an iteration. */
type Rates = (iteration: number) => [learningRate: number, kappa: number];

function directStep(
  optimizer: lora.LoraOptimizer,
  rates: Rates,
  describe: (iteration: number) => Describe,
  pruning?: lora.RandomPruning,
): Update {
  return (iteration) => {
    const [learningRate, kappa] = rates(iteration);
    optimizer.step(learningRate, pruning === undefined ? kappa : 0);
    pruning?.step(kappa);
    return describe(iteration);
  };
}

/** @param settings float64 `[3]`, on the adapters' device: what the step reads */
function recordableStep(
  optimizer: lora.LoraOptimizer,
  settings: Tensor,
  rates: Rates,
  describe: (iteration: number) => Describe,
): Update {
  return {
    prepare(iteration) {
      const values = torch.tensor([...rates(iteration), iteration + 1], { dtype: "float64" });
      settings.copy_(torch.upload(values, settings.device));
      return describe(iteration);
    },
    apply: () => optimizer.stepBy(settings),
  };
}
