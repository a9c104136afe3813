import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type DualEncoder, loadStateDict, type ModelFamily } from "../clip/index.js";
import { adapterFamily, applyUpdates, type LowRankUpdates, loadAdapter, saveAdapter } from "../lora/index.js";
import type { ContinualMethod, MethodState, TaskChange } from "../methods/index.js";
import * as records from "../records/index.js";
import * as torch from "../torch/index.js";
import { type Checkpoint, modelOfCheckpoint, readCheckpoint, writeCheckpoint } from "./checkpoint-file.js";
import { StageFiles, type StageStore } from "./stage-files.js";

/**
 * The files of a run. Each is written under a temporary name and renamed: a run that is killed at any moment
 * goes on from what is on disk. The order matters. A task's ranks and adapter come first, then its
 * checkpoint. Then its stages and the older checkpoint go, and its row of the matrix comes.
 */
export class RunDirectory {
  constructor(readonly path: string) {}

  exists(): boolean {
    return records.isRun(this.path);
  }

  readRecord(): records.RunRecord {
    return records.readRunRecord(this.path);
  }

  writeRecord(record: records.RunRecord): void {
    records.writeRunRecord(this.path, record);
  }

  /** Writes which training images were drawn and what the images are, dataset by dataset: `samples.json`. */
  writeSamples(samples: records.Samples): void {
    records.writeSamples(this.path, samples);
  }

  /** Which training images were drawn, and what the images are; none where the run does not say it. */
  readSamples(): records.Samples {
    return records.readSamples(this.path) ?? {};
  }

  /** The rows so far; `undefined` before the first evaluation. */
  readMatrix(): records.AccuracyMatrix | undefined {
    return records.readMatrix(this.path);
  }

  writeMatrix(accuracy: records.AccuracyMatrix): void {
    records.writeMatrix(this.path, accuracy);
  }

  appendEvent(event: records.RunEvent): void {
    records.appendEvent(this.path, event);
  }

  /**
   * Removes the events of tasks that will be done again, or only those of one kind, so that no step stands
   * twice.
   */
  dropEventsFrom(task: number, kind?: string): void {
    records.dropEventsFrom(this.path, task, kind);
  }

  /** Removes what an interrupted growth of the stream to this many datasets noted. */
  dropEventsOfGrowth(datasets: number): void {
    records.dropEventsOfGrowth(this.path, datasets);
  }

  /**
   * Writes what a task changed, replacing what interrupted attempts at it left: surviving ranks, updates in
   * PEFT's layout, and their sizes.
   * @param family that of the model that they are for
   */
  recordTask(
    task: number,
    dataset: string,
    { rank, modules, active, updates }: TaskChange,
    family?: ModelFamily,
  ): void {
    records.recordRanks(this.path, task, { dataset, rank, modules, active });
    const earlier = Array.from({ length: task }, (_, t) => `task-${t}`);
    removeOthers(join(this.path, "adapters"), earlier);
    saveAdapter(updates, this.#adapter(task), { family });
    this.recordChanges(task, { dataset, rank, modules });
  }

  /** Family of the model that the updates of a task are for. */
  updatesFamily(task: number): ModelFamily {
    return adapterFamily(this.#adapter(task));
  }

  hasUpdates(task: number): boolean {
    return existsSync(this.#adapter(task));
  }

  /**
   * The low-rank updates of a task: views of the memory-mapped file.
   * @throws if there are none: the task is not finished, or the method changes weights in another way
   */
  readUpdates(task: number): LowRankUpdates {
    const path = this.#adapter(task);
    if (this.hasUpdates(task)) return loadAdapter(path);
    throw new Error(
      `${path} is missing: expected the adapter of a finished task. Only methods such as codyra and lora keep one for every task; ` +
        "of the others there is the model after the last task.",
    );
  }

  /** Writes how large the updates of a task are: `changes/task-0.json`. */
  recordChanges(task: number, changes: records.Changes): void {
    records.recordChanges(this.path, task, changes);
  }

  /** Writes what the guard found after a task: `guard/task-0.json`. */
  recordGuard(task: number, record: records.GuardRecord): void {
    records.writeGuardRecord(this.path, task, record);
  }

  /** The guard's measurements after a task; `undefined` if there are none. */
  readGuard(task: number): records.GuardRecord | undefined {
    return records.readGuardRecord(this.path, task);
  }

  hasCheckpoint(task: number): boolean {
    return existsSync(this.#checkpoint(task));
  }

  /** Saves the model and the method as they are after a task. */
  saveCheckpoint(task: number, model: DualEncoder, method: ContinualMethod): void {
    mkdirSync(join(this.path, "checkpoints"), { recursive: true });
    writeCheckpoint(this.#checkpoint(task), model, method);
  }

  /** @throws if the checkpoint is missing, damaged, or of another model */
  loadCheckpoint(task: number, model: DualEncoder, method?: ContinualMethod): void {
    torch.scope(() => {
      const { weights, state } = this.readCheckpoint(task);
      loadStateDict(model, weights, this.#checkpoint(task));
      method?.loadState(state);
    });
  }

  /**
   * State of the method after a task: views of the memory-mapped file.
   * @throws if the checkpoint is missing or damaged
   */
  readMethodState(task: number): MethodState {
    return this.readCheckpoint(task).state;
  }

  /**
   * The model after a task, from its checkpoint alone.
   * @returns `undefined` where there is none, or it is of a version whose checkpoints hold weights only
   * @throws if the checkpoint is damaged
   */
  openCheckpoint(task: number): DualEncoder | undefined {
    if (!this.hasCheckpoint(task)) return undefined;
    return torch.scope(() => modelOfCheckpoint(this.readCheckpoint(task)));
  }

  /**
   * Makes a model what it was after a task. It reads the checkpoint or, where that is gone, adds up the
   * updates of all tasks so far.
   * @param model the model that the run started from
   * @throws if there is neither
   */
  restoreModel(task: number, model: DualEncoder): void {
    if (this.hasCheckpoint(task)) {
      this.loadCheckpoint(task, model);
      return;
    }
    torch.scope(() => {
      const updates = Array.from({ length: task + 1 }, (_, t) => this.readUpdates(t));
      for (const update of updates) applyUpdates(model, update);
    });
  }

  /** The store for states of a task in progress. Those of other tasks are removed. */
  stages(task: number): StageStore {
    removeOthers(join(this.path, "stages"), [`task-${task}`]);
    return new StageFiles(join(this.path, "stages", `task-${task}`));
  }

  /** Removes the states of tasks in progress: there is a checkpoint. */
  removeStages(): void {
    const folder = join(this.path, "stages");
    if (existsSync(folder)) rmSync(folder, { recursive: true });
  }

  /**
   * A row of the matrix as far as an earlier process measured it; −1 is the one before any training.
   * @returns also why it cannot be read, if so
   */
  readEvaluation(task: number): { readonly record?: records.EvaluationRecord; readonly problem?: string } {
    try {
      return { record: records.readEvaluation(this.path, task) };
    } catch (error) {
      return { problem: (error as Error).message };
    }
  }

  writeEvaluation(task: number, record: records.EvaluationRecord): void {
    records.writeEvaluation(this.path, task, record);
  }

  /** Removes the rows in progress: they are in the matrix, or of models that are trained anew. */
  removeEvaluations(): void {
    records.removeEvaluations(this.path);
  }

  /** Removes all checkpoints but that of one task. */
  keepOnlyCheckpoint(task: number): void {
    removeOthers(join(this.path, "checkpoints"), [`task-${task}.safetensors`]);
  }

  /** The content of a checkpoint, as views of the memory-mapped file. @throws if it is missing or damaged */
  readCheckpoint(task: number): Checkpoint {
    return readCheckpoint(this.#checkpoint(task));
  }

  #adapter(task: number): string {
    return join(this.path, "adapters", `task-${task}`);
  }

  #checkpoint(task: number): string {
    return join(this.path, "checkpoints", `task-${task}.safetensors`);
  }
}

function removeOthers(folder: string, kept: readonly string[]): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (!kept.includes(name)) rmSync(join(folder, name), { recursive: true });
  }
}
