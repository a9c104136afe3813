import type { Task } from "../data/index.js";
import type { TrainSummary } from "../methods/index.js";
import { defaultSaveEverySeconds } from "../options/index.js";
import * as torch from "../torch/index.js";
import { AgreedStop } from "./agreed-stop.js";
import { type Attempt, secondsSince } from "./attempt.js";
import { taskIdentity } from "./identity.js";
import { TaskStages } from "./task-stages.js";

/** Has the method learn a task, saved in stages as it goes on. */
export async function learnTask(attempt: Attempt, t: number): Promise<TrainSummary> {
  const stop = new AgreedStop(attempt.signal);
  const stages = stagesOf(attempt, t, stop);
  attempt.stages = stages;
  try {
    return await learn(attempt, t, stop.signal);
  } finally {
    await stages.close();
    attempt.stages = undefined;
  }
}

async function learn(attempt: Attempt, t: number, signal: AbortSignal): Promise<TrainSummary> {
  const { method, tasks } = attempt.options;
  const [task, context] = [tasks[t] as Task, attempt.contextOf(t, signal)];
  const began = performance.now();
  attempt.memory.begin();
  const about = { task: t, dataset: task.name };
  context.log({ kind: "task-start", ...about, images: task.train.length, classes: task.classes.length });
  await method.beginTask(task, context);
  const summary = await method.trainTask(task, context);
  await method.endTask(task, context);
  alignWeights(attempt);
  const secondsBefore = attempt.stages?.secondsBefore ?? 0;
  attempt.addSeconds(secondsBefore);
  context.log({
    kind: "task-end",
    ...about,
    ...summary,
    seconds: secondsBefore + secondsSince(began),
    ...attempt.memory.end("training"),
  });
  return summary;
}

/** Processes on unlike processors round differently: after each task all go on from the same weights. */
function alignWeights({ options }: Attempt): void {
  if (!torch.distributed.isInitialized()) return;
  torch.scope(() => torch.distributed.copyFromFirst(options.model.stateDict().values()));
}

function stagesOf({ options, directory }: Attempt, t: number, stop: AgreedStop): TaskStages {
  const { saveEverySeconds = defaultSaveEverySeconds, observer } = options;
  return new TaskStages({
    files: directory.stages(t),
    identity: taskIdentity(options, t),
    saveEverySeconds,
    stop,
    repeat: (event) => {
      directory.appendEvent(event);
      observer?.logged?.(event);
    },
    warn: (message) => observer?.warn?.(message),
  });
}
