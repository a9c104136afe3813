import { copyModel, type DualEncoder, loadStateDict } from "../../clip/index.js";
import { applyUpdates } from "../../lora/index.js";
import type { ProtocolName } from "../../methods/index.js";
import { UsageError } from "../../options/index.js";
import { evaluateZeroShot, type TestSet } from "../../protocol/index.js";
import { mean, type RunRecord, readRanks } from "../../records/index.js";
import type { RemovalAnalysis } from "../../report/index.js";
import * as torch from "../../torch/index.js";
import { openBaseModel, openFinishedRun, taskPosition } from "../finished-run.js";
import { workObserver } from "../observer.js";
import { openTestSets } from "../run-test-sets.js";
import { allGroups, matching } from "./module-groups.js";
import type { RunAnalysisOptions } from "./run-analysis.js";
import { type RunClassifier, runClassifier } from "./run-classifier.js";

export interface RemovalOptions extends RunAnalysisOptions {
  /** Name of the dataset, or its position from 0. Default: `"0"`. */
  readonly task?: string;
  /**
   * The modules to remove, one after the other: `vision.v`, `text`, `fc`, or `vision.fc+vision.proj`.
   * Default: every module of each encoder.
   */
  readonly modules?: readonly string[];
  /** Stops it between two batches. */
  readonly signal?: AbortSignal;
}

/**
 * Removes the adapters of some modules from a task and measures accuracy again; nothing is trained.
 * arXiv:2412.01004, section 3.2.
 * @param run directory of a run   @returns accuracies as fractions
 * @throws UsageError if no such task or module exists, or all datasets are learned by the task
 */
export async function measureRemovals(run: string, options: RemovalOptions = {}): Promise<RemovalAnalysis> {
  const { directory, finished } = openFinishedRun(run);
  const task = taskPosition(options.task ?? "0", directory, finished);
  const adapted = readRanks(run)?.modules ?? [];
  const groups = options.modules ?? allGroups(adapted);
  const removed = groups.map((group) => ({ group, names: matching(group, adapted) }));

  const progress = workObserver(options.observer);
  const before = openBaseModel(directory, options.model);
  const model = copyModel(before);
  try {
    if (task > 0) directory.restoreModel(task - 1, before);
    using classifierBefore = runClassifier(directory, task, model);
    using classifierAfter = runClassifier(directory, task + 1, model);
    const sets = await openTestSets(directory.readRecord(), model, progress);
    const learned = sets.stream[task] as TestSet;
    const unseen = [...sets.stream.slice(task + 1), ...sets.holdOuts].map(({ name }) => name);
    if (unseen.length === 0) {
      throw new UsageError(
        `${run}: expected datasets that are not learned by task ${task}, got none. Choose an earlier task, or run it with hold-outs.`,
      );
    }
    const measure = async (what: string, isKept: (name: string) => boolean, classifier = classifierAfter) => {
      progress.start(what);
      torch.scope(() => {
        loadStateDict(model, before.stateDict(), "measureRemovals");
        applyUpdates(
          model,
          new Map(Array.from(directory.readUpdates(task)).filter(([name]) => isKept(name))),
        );
      });
      const datasets = await accuracies(model, directory.readRecord(), sets, classifier, options.signal);
      progress.finish();
      const retention = mean(unseen.map((name) => datasets[name] as number)) as number;
      return { adaptation: datasets[learned.name] as number, retention, datasets };
    };
    const result: RemovalAnalysis = {
      run,
      task,
      dataset: learned.name,
      retentionDatasets: unseen,
      before: await measure("before the task", () => false, classifierBefore),
      complete: await measure("nothing removed", () => true),
      removals: [],
    };
    for (const { group, names } of removed) {
      const measured = await measure(`without ${group}`, (name) => !names.has(name));
      result.removals.push({ removed: group, matrices: names.size, ...measured });
    }
    return result;
  } finally {
    model.dispose();
    before.dispose();
  }
}

/** Measures accuracies in the protocol of the run; on hold-outs, only their own classes compete. */
async function accuracies(
  model: DualEncoder,
  { protocol }: RunRecord,
  { stream, holdOuts }: { stream: readonly TestSet[]; holdOuts: readonly TestSet[] },
  own: RunClassifier | undefined,
  signal?: AbortSignal,
): Promise<Record<string, number>> {
  const options = { classifier: own?.classifier, signal };
  const onStream = await evaluateZeroShot(model, stream, options);
  const onHoldOuts = holdOuts.length === 0 ? [] : (await evaluateZeroShot(model, holdOuts, options)).mtil;
  const values = [...onStream[protocol as ProtocolName], ...onHoldOuts];
  return Object.fromEntries([...stream, ...holdOuts].map(({ name }, i) => [name, values[i] as number]));
}
