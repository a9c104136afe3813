import type { Task } from "../../data/index.js";
import * as torch from "../../torch/index.js";
import type { KeepLoraOptions } from "./options.js";

/** Iterations of a task: as many as given, or passes over its images. */
export function iterationsOf(options: KeepLoraOptions, { name, train }: Task): number {
  const { iterations, epochs, datasetEpochs, batchSize } = options;
  const passes = datasetEpochs[name] ?? epochs;
  return passes === null ? iterations : passes * Math.ceil(train.length / batchSize);
}

/** Learning rate and first decay rate of AdamW at every iteration. @param total iterations of the task */
export function scheduleOf(
  { schedule, learningRate, warmup, betas }: KeepLoraOptions,
  total: number,
): (step: number) => { learningRate: number; beta1: number } {
  if (schedule === "onecycle") return torch.optim.oneCycleSchedule({ learningRate, total });
  const rate = torch.optim.cosineSchedule({ learningRate, total, warmup });
  return (step) => ({ learningRate: rate(step), beta1: betas[0] });
}
