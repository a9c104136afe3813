import type { DualEncoder } from "../clip/index.js";
import type { LowRankUpdates } from "../lora/index.js";
import type { ContinualMethod, TaskChange } from "../methods/index.js";
import type * as records from "../records/index.js";
import * as torch from "../torch/index.js";
import type { Checkpoint } from "./checkpoint-file.js";
import { RunDirectory } from "./run-directory.js";
import { SharedStageFiles } from "./shared-stage-files.js";
import type { StageStore } from "./stage-files.js";

const { broadcastObject, broadcastTensors, rank } = torch.distributed;

/** The files of a run, of one process or of several together. */
export function openRunDirectory(path: string): RunDirectory {
  return torch.distributed.isInitialized() ? new SharedDirectory(path) : new RunDirectory(path);
}

/**
 * The files of a run of several processes. The first one alone reads and writes them, and tells the others
 * what it read: they need not see the folder. All processes call the same functions in the same order.
 */
class SharedDirectory extends RunDirectory {
  /** Asks itself nothing that the others would have to answer too. */
  readonly #files: RunDirectory;

  constructor(path: string) {
    super(path);
    this.#files = new RunDirectory(path);
  }

  override exists(): boolean {
    return this.#read(() => this.#files.exists());
  }

  override readRecord(): records.RunRecord {
    return this.#read(() => this.#files.readRecord());
  }

  override readSamples(): records.Samples {
    return this.#read(() => this.#files.readSamples());
  }

  override readMatrix(): records.AccuracyMatrix | undefined {
    return this.#read(() => this.#files.readMatrix());
  }

  override hasUpdates(task: number): boolean {
    return this.#read(() => this.#files.hasUpdates(task));
  }

  override hasCheckpoint(task: number): boolean {
    return this.#read(() => this.#files.hasCheckpoint(task));
  }

  override readGuard(task: number): records.GuardRecord | undefined {
    return this.#read(() => this.#files.readGuard(task));
  }

  override readUpdates(task: number): LowRankUpdates {
    const own = rank() === 0 ? this.#files.readUpdates(task) : new Map<string, never>();
    const factorsOf = (factor: "loraA" | "loraB") =>
      broadcastTensors(new Map(Array.from(own, ([name, update]) => [name, update[factor]])));
    const [loraA, loraB] = [factorsOf("loraA"), factorsOf("loraB")];
    return new Map(
      Array.from(loraA, ([name, a]) => [name, { loraA: a, loraB: loraB.get(name) as torch.Tensor }]),
    );
  }

  override readCheckpoint(task: number): Checkpoint {
    const own = rank() === 0 ? this.#files.readCheckpoint(task) : undefined;
    const shared = (tensors?: ReadonlyMap<string, torch.Tensor>) => broadcastTensors(tensors ?? new Map());
    const weights = shared(own?.weights);
    const tensors = shared(own?.state.tensors);
    return { weights, files: new Map(), state: { tensors, data: broadcastObject(own?.state.data ?? {}) } };
  }

  override writeRecord(record: records.RunRecord): void {
    this.#write(() => this.#files.writeRecord(record));
  }

  override writeSamples(samples: records.Samples): void {
    this.#write(() => this.#files.writeSamples(samples));
  }

  override writeMatrix(accuracy: records.AccuracyMatrix): void {
    this.#write(() => this.#files.writeMatrix(accuracy));
  }

  override appendEvent(event: records.RunEvent): void {
    this.#write(() => this.#files.appendEvent(event));
  }

  override dropEventsFrom(task: number, kind?: string): void {
    this.#write(() => this.#files.dropEventsFrom(task, kind));
  }

  override dropEventsOfGrowth(datasets: number): void {
    this.#write(() => this.#files.dropEventsOfGrowth(datasets));
  }

  override recordTask(task: number, dataset: string, change: TaskChange): void {
    this.#write(() => this.#files.recordTask(task, dataset, change));
  }

  override recordGuard(task: number, record: records.GuardRecord): void {
    this.#write(() => this.#files.recordGuard(task, record));
  }

  override recordChanges(task: number, changes: records.Changes): void {
    this.#write(() => this.#files.recordChanges(task, changes));
  }

  override saveCheckpoint(task: number, model: DualEncoder, method: ContinualMethod): void {
    this.#write(() => this.#files.saveCheckpoint(task, model, method));
  }

  override stages(task: number): StageStore {
    return new SharedStageFiles(rank() === 0 ? this.#files.stages(task) : undefined);
  }

  override removeStages(): void {
    this.#write(() => this.#files.removeStages());
  }

  override readEvaluation(task: number): ReturnType<RunDirectory["readEvaluation"]> {
    return this.#read(() => this.#files.readEvaluation(task));
  }

  override writeEvaluation(task: number, record: records.EvaluationRecord): void {
    this.#write(() => this.#files.writeEvaluation(task, record));
  }

  override removeEvaluations(): void {
    this.#write(() => this.#files.removeEvaluations());
  }

  override keepOnlyCheckpoint(task: number): void {
    this.#write(() => this.#files.keepOnlyCheckpoint(task));
  }

  #read<T>(read: () => T): T {
    return broadcastObject(rank() === 0 ? read() : (undefined as T));
  }

  #write(write: () => void): void {
    if (rank() === 0) write();
  }
}
