import type { ClipModel } from "../clip/index.js";
import type { LowRankUpdates } from "../lora/index.js";
import type { ContinualMethod } from "../methods/index.js";
import type * as records from "../records/index.js";
import * as torch from "../torch/index.js";
import { type Checkpoint, RunDirectory } from "./run-directory.js";

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
  override exists(): boolean {
    return this.#read(() => super.exists());
  }

  override readRecord(): records.RunRecord {
    return this.#read(() => super.readRecord());
  }

  override readSamples(): records.Samples {
    return this.#read(() => super.readSamples());
  }

  override readMatrix(): records.AccuracyMatrix | undefined {
    return this.#read(() => super.readMatrix());
  }

  override hasUpdates(task: number): boolean {
    return this.#read(() => super.hasUpdates(task));
  }

  override hasCheckpoint(task: number): boolean {
    return this.#read(() => super.hasCheckpoint(task));
  }

  override readUpdates(task: number): LowRankUpdates {
    const own = rank() === 0 ? super.readUpdates(task) : new Map<string, never>();
    const factorsOf = (factor: "loraA" | "loraB") =>
      broadcastTensors(new Map(Array.from(own, ([name, update]) => [name, update[factor]])));
    const [loraA, loraB] = [factorsOf("loraA"), factorsOf("loraB")];
    return new Map(
      Array.from(loraA, ([name, a]) => [name, { loraA: a, loraB: loraB.get(name) as torch.Tensor }]),
    );
  }

  protected override readCheckpoint(task: number): Checkpoint {
    const own = rank() === 0 ? super.readCheckpoint(task) : undefined;
    const shared = (tensors?: ReadonlyMap<string, torch.Tensor>) => broadcastTensors(tensors ?? new Map());
    const weights = shared(own?.weights);
    const tensors = shared(own?.state.tensors);
    return { weights, files: new Map(), state: { tensors, data: broadcastObject(own?.state.data ?? {}) } };
  }

  override writeRecord(record: records.RunRecord): void {
    this.#write(() => super.writeRecord(record));
  }

  override writeSamples(samples: records.Samples): void {
    this.#write(() => super.writeSamples(samples));
  }

  override writeMatrix(accuracy: records.AccuracyMatrix): void {
    this.#write(() => super.writeMatrix(accuracy));
  }

  override appendEvent(event: records.RunEvent): void {
    this.#write(() => super.appendEvent(event));
  }

  override dropEventsFrom(task: number, kind?: string): void {
    this.#write(() => super.dropEventsFrom(task, kind));
  }

  override dropEventsOfGrowth(datasets: number): void {
    this.#write(() => super.dropEventsOfGrowth(datasets));
  }

  override recordRanks(task: number, ranks: records.TaskRanks): void {
    this.#write(() => super.recordRanks(task, ranks));
  }

  override recordUpdates(task: number, updates: LowRankUpdates): void {
    this.#write(() => super.recordUpdates(task, updates));
  }

  override recordChanges(task: number, changes: records.Changes): void {
    this.#write(() => super.recordChanges(task, changes));
  }

  override saveCheckpoint(task: number, model: ClipModel, method: ContinualMethod): void {
    this.#write(() => super.saveCheckpoint(task, model, method));
  }

  override keepOnlyCheckpoint(task: number): void {
    this.#write(() => super.keepOnlyCheckpoint(task));
  }

  #read<T>(read: () => T): T {
    return broadcastObject(rank() === 0 ? read() : (undefined as T));
  }

  #write(write: () => void): void {
    if (rank() === 0) write();
  }
}
