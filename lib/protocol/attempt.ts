import type { Task } from "../data/index.js";
import { type RunContext, type RunEvent, unsavedStage } from "../methods/index.js";
import type { AccuracyMatrix, RunRecord } from "../records/index.js";
import { checkAlike } from "./check-alike.js";
import { MemoryMeter } from "./memory.js";
import { type Continuation, continueRecord } from "./resume-rules.js";
import type { RunDirectory } from "./run-directory.js";
import type { RunOptions } from "./run-options.js";
import { newRecord } from "./run-record.js";
import { samplesOf } from "./run-samples.js";
import { openRunDirectory } from "./shared-directory.js";
import type { TaskStages } from "./task-stages.js";

/** One process's attempt at a stream: what it goes on from, and what it writes down. */
export class Attempt {
  readonly directory: RunDirectory;
  readonly record: RunRecord;
  readonly continuation: Continuation | undefined;
  readonly signal: AbortSignal;
  readonly memory: MemoryMeter;
  /** Stages of the task that is being learned. */
  stages: TaskStages | undefined;
  #secondsBefore: number;
  #began = performance.now();

  /** @throws if the directory holds a run that must not be gone on with */
  constructor(readonly options: RunOptions) {
    this.directory = openRunDirectory(options.directory);
    const fresh = newRecord(options);
    checkAlike(fresh);
    this.continuation = continuationOf(this.directory, options, fresh);
    this.record = this.continuation?.record ?? fresh;
    this.signal = options.signal ?? new AbortController().signal;
    this.memory = new MemoryMeter(options.model.device, this.record.memory);
    this.#secondsBefore = this.record.durationSeconds;
  }

  /**
   * Starts the clock and writes what the run is. The method is ready by then: what it loads counts as
   * loading, and a run that it refuses leaves no trace.
   */
  begin(): void {
    this.#began = performance.now();
    this.memory.end("load");
    const { continuation, directory } = this;
    if (continuation === undefined) this.describe();
    else if (continuation.isGrown) {
      if (directory.readMatrix() === undefined) this.describe();
    } else {
      const { changed } = continuation;
      if (Object.keys(changed).length > 0) this.log({ kind: "resumed", changed });
      directory.writeRecord(this.record); // has the options that an earlier version did not know, too
    }
  }

  /** Writes the files that say what the run is; the record is the last one. */
  describe(): void {
    const samples = samplesOf(this.options.tasks);
    if (Object.keys(samples).length > 0) this.directory.writeSamples(samples);
    this.directory.writeRecord(this.record);
  }

  log(given: RunEvent): void {
    const event = { time: new Date().toISOString(), ...given };
    this.directory.appendEvent(event);
    this.stages?.note(event);
    this.options.observer?.logged?.(given);
  }

  /** Counts the time of a task that an earlier process was in the middle of. */
  addSeconds(seconds: number): void {
    this.#secondsBefore += seconds;
  }

  /** Writes the rows so far, with time and memory. */
  save(accuracy: AccuracyMatrix): void {
    const { record } = this;
    const { peaks } = this.memory;
    this.directory.writeMatrix(accuracy);
    record.durationSeconds = this.#secondsBefore + secondsSince(this.#began);
    record.memory = peaks;
    const highest = Object.values(peaks).map(({ peakResidentBytes }) => peakResidentBytes);
    record.peakResidentBytes = Math.max(record.peakResidentBytes, ...highest);
    this.directory.writeRecord(record);
  }

  /** The context of a method in a task; −1 is before the first. */
  contextOf(taskIndex: number, signal = this.signal): RunContext {
    const { model, protocol, seed, inherited, reference, observer, tasks } = this.options;
    return {
      model,
      protocol,
      seed,
      taskIndex,
      learned: tasks
        .slice(0, Math.max(taskIndex, 0))
        .map(({ name, classes, templates }) => ({ name, classes, templates })),
      classNames: tasks.flatMap(({ classes }) => classes),
      inherited,
      reference,
      signal,
      stage: (name, total, state) => this.stages?.begin(name, total, state) ?? unsavedStage(),
      log: (event) => this.log(event),
      progress: (done, total, loss) => observer?.trained?.(done, total, loss),
      worked: (what, done, total) => observer?.worked?.(what, done, total),
      record: (change) => {
        const { name } = tasks[taskIndex] as Task;
        this.directory.recordTask(taskIndex, name, change, model.config.family);
      },
    };
  }
}

/** @param began by `performance.now()` */
export function secondsSince(began: number): number {
  return (performance.now() - began) / 1000;
}

/**
 * The continuation of a run, if the directory holds one already.
 * @throws if that must not be gone on with
 */
function continuationOf(
  directory: RunDirectory,
  options: RunOptions,
  fresh: RunRecord,
): Continuation | undefined {
  if (!directory.exists()) return undefined;
  if (!options.resume) {
    throw new Error(
      `${directory.path} holds a run already: expected a new directory. Pass --resume to go on with it, or name another directory.`,
    );
  }
  const samples = { found: directory.readSamples(), fresh: samplesOf(options.tasks) };
  return continueRecord({ found: directory.readRecord(), fresh }, samples, directory.path);
}
