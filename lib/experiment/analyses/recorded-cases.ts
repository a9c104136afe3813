import { copyModel, type DualEncoder } from "../../clip/index.js";
import type { Task } from "../../data/index.js";
import type { RunRecord } from "../../records/index.js";
import { openBaseModel, openFinishedRun, taskPosition } from "../finished-run.js";
import { configOfRun } from "../learn.js";
import { openMiniatureTasks } from "../miniature.js";
import { openTasks } from "../open-data.js";
import { type AnalysisWatch, type CaseSource, type FrontierCase, release } from "./frontier-case.js";
import { runClassifier } from "./run-classifier.js";

/** Cases of a run of codyra or lora. */
export interface RecordedCases {
  /** Its directory. */
  readonly run: string;
  /** Names of datasets, or their positions from 0. Default: the first. */
  readonly tasks?: readonly string[];
}

/** The updates that a run has made already, of survivors of its thresholding. */
export function casesOfRun({ run: path, tasks }: RecordedCases, watch: AnalysisWatch): CaseSource {
  const { directory, finished } = openFinishedRun(path);
  const record = directory.readRecord();
  const positions = (tasks ?? ["0"]).map((task) => taskPosition(task, directory, finished));
  async function* cases(): AsyncGenerator<FrontierCase> {
    const pretrained = openBaseModel(directory);
    const loaded: Task[] = [];
    try {
      loaded.push(...(await tasksOfRun(path, record, pretrained, watch)));
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
          const classifier: FrontierCase["classifier"] = (when, model) =>
            runClassifier(directory, when === "before" ? position : position + 1, model);
          const { name: dataset, train } = task;
          yield { seed: record.seed, dataset, before, updates, train, stream, classifier };
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
  model: DualEncoder,
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
