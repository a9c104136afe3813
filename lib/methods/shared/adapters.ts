import type { Task } from "../../data/index.js";
import * as lora from "../../lora/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import type { Describe, Update } from "./iteration.js";
import { liveState } from "./live-state.js";
import type { TrainingOptions } from "./options.js";
import { joinedState, type StageState } from "./stage.js";
import { sum } from "./sums.js";
import { type TrainingPlan, train } from "./training.js";
import type { RunContext } from "./types.js";

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
  /** The part of it that goes from one iteration to the next. */
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
 * @param adapters adapters of one rank, on different layers
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
      throw new Error(`The update learned on dataset '${task.name}' is lost: ${(cause as Error).message}`, {
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
