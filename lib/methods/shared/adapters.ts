import type { Task } from "../../data/index.js";
import * as lora from "../../lora/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import type { Describe, Update } from "./iteration.js";
import type { TrainingOptions } from "./options.js";
import { taskSeed, train } from "./training.js";
import { type ContinualMethod, emptyState, type RunContext } from "./types.js";
import { zeroShotClassifier } from "./zero-shot-classifier.js";

/** What the methods with merged low-rank adapters differ in. */
export interface AdapterPlan {
  readonly name: string;
  readonly options: TrainingOptions & Readonly<Record<string, unknown>>;
  readonly lora: lora.LoraConfig;
  readonly optimizer: lora.LoraOptimizerOptions;
  /** Thresholding says only how many ranks are dropped, and chance says which; `isShrunk` as in `RandomPruning`. */
  readonly randomPruning?: { readonly isShrunk: boolean };
  /** κ of an iteration; `relative` gives an iteration's learning rate over the highest one. */
  kappa(relative: (iteration: number) => number): (iteration: number) => number;
}

/** Fresh adapters for each task, trained on it, then merged: after each task the model is an ordinary CLIP again. */
export function mergedAdapters(plan: AdapterPlan): ContinualMethod {
  const { learningRate, iterations, warmup } = plan.options;
  const schedule = torch.optim.cosineSchedule({ learningRate, total: iterations, warmup });
  const kappa = plan.kappa((iteration) => schedule(iteration) / learningRate);
  let adapters: lora.LoraModel | undefined;
  let generator: torch.Generator | undefined;

  function current(): lora.LoraModel {
    if (adapters === undefined)
      throw new Error(`${plan.name}: there are no adapters to train. Call beginTask first.`);
    return adapters;
  }

  return {
    name: plan.name,
    options: plan.options,

    beginTask(_task: Task, context: RunContext) {
      context.model.requiresGrad_(false);
      generator = torch.generator(taskSeed(context));
      adapters = lora.inject(context.model, plan.lora, generator);
    },

    async trainTask(task, context) {
      const trained = current();
      const optimizer = new lora.LoraOptimizer(trained, plan.optimizer);
      const { threshold } = plan.optimizer;
      const pruning =
        plan.randomPruning &&
        new lora.RandomPruning(trained, { ...plan.randomPruning, threshold, generator });
      const settings = torch.zeros([3], { dtype: "float64", device: context.model.device }).keep();
      const rates: Rates = (iteration) => [schedule(iteration), kappa(iteration)];
      const describe = (iteration: number): Describe => {
        const [rate, threshold] = rates(iteration);
        return () => ({ learningRate: rate, kappa: threshold, activeRanks: total(trained.activeRanks()) });
      };
      try {
        const loss = await train(task, context, {
          options: plan.options,
          encoders: plan.lora.encoders,
          zeroGrad() {
            trained.zeroGrad();
            // Rounded once for all passes of an iteration. In float32 they would take as much memory as the model.
            if (context.model.precision === "bf16") trained.formEffectiveWeights("bfloat16");
          },
          update:
            plan.optimizer.optimizer === "adamw" && pruning === undefined
              ? recordableStep(optimizer, settings, rates, describe)
              : directStep(optimizer, rates, describe, pruning),
        });
        const { factors, importance } = trained.numTrainable;
        return { iterations, loss, trainableParameters: factors + importance };
      } catch (error) {
        trained.remove(); // what was learned so far is not merged: the model stays as it was before the task
        adapters = undefined;
        throw error;
      } finally {
        optimizer.dispose();
        pruning?.dispose();
        settings.dispose();
      }
    },

    endTask(task, context) {
      const trained = current();
      adapters = undefined;
      torch.scope(() => {
        const updates = lora.survivingRanks(trained);
        let [changes, active]: [lora.ModuleUpdate[], number[]] = [[], []];
        try {
          trained.checkFinite();
          changes = lora.measureAdapters(context.model, trained, updates);
          active = trained.merge();
        } catch (cause) {
          trained.remove();
          throw new Error(`What was learned on dataset '${task.name}' is lost: ${(cause as Error).message}`, {
            cause,
          });
        }
        context.recordRanks(plan.lora.rank, trained.modules, active);
        context.recordUpdates(updates);
        context.recordChanges(plan.lora.rank, changes);
      });
    },

    classifier: zeroShotClassifier,
    state: () => emptyState, // everything learned is in the model's weights
    loadState() {},
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

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
