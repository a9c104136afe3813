import type { Task } from "../data/index.js";
import {
  type ContinualMethod,
  checkModel,
  type ProtocolName,
  type RunContext,
  type RunEvent,
  type TrainSummary,
  unsavedStage,
} from "../methods/index.js";
import {
  defaultEvaluationBatchSize,
  defaultSaveEverySeconds,
  defaultTestFeatures,
} from "../options/index.js";
import type {
  Accuracy,
  AccuracyMatrix,
  EmptyCells,
  RunRecord,
  SampleRecord,
  Samples,
} from "../records/index.js";
import { brokenLimits } from "../records/index.js";
import * as torch from "../torch/index.js";
import { checkAlike } from "./check-alike.js";
import { EarlierModels } from "./earlier-models.js";
import { evaluate, type TestSet } from "./evaluate.js";
import { FeatureFiles } from "./feature-files.js";
import { MemoryMeter } from "./memory.js";
import { type Continuation, continueRecord } from "./resume-rules.js";
import type { RunDirectory } from "./run-directory.js";
import type { RunOptions } from "./run-options.js";
import { newRecord } from "./run-record.js";
import { openRunDirectory } from "./shared-directory.js";
import { taskIdentity } from "./task-identity.js";
import { TaskStages } from "./task-stages.js";
import { TestFeatures } from "./test-features.js";

/** One attempt at a stream, from what is on disk to the last row of the matrix. */
export class StreamRun {
  readonly #options: RunOptions;
  readonly #tasks: readonly Task[];
  readonly #holdOuts: readonly TestSet[];
  readonly #method: ContinualMethod;
  readonly #directory: RunDirectory;
  readonly #record: RunRecord;
  readonly #continuation: Continuation | undefined;
  readonly #signal: AbortSignal;
  /** Only where candidates may change: among its own classes, a dataset is measured once for a model. */
  readonly #files: FeatureFiles | undefined;
  // Begun once the method is ready: what it loads counts as loading.
  #clock!: () => number;
  #memory!: MemoryMeter;
  #earlierSeconds = 0; // of tasks that earlier processes were in the middle of
  #stages: TaskStages | undefined; // of the task that is being learned

  /** @throws if the directory holds a run that must not be gone on with */
  constructor(options: RunOptions) {
    this.#options = options;
    this.#tasks = options.tasks;
    this.#holdOuts = options.holdOuts ?? [];
    this.#method = options.method;
    this.#directory = openRunDirectory(options.directory);
    const fresh = newRecord(options);
    checkAlike(fresh);
    this.#continuation = continuationOf(this.#directory, options, fresh);
    this.#record = this.#continuation?.record ?? fresh;
    this.#signal = options.signal ?? new AbortController().signal;
    const maxBytes = (options.testFeatures ?? defaultTestFeatures) * 1e9;
    // Several processes encode a stretch each, and need not share a folder.
    if (options.protocol === "x-tail" && maxBytes > 0 && !torch.distributed.isInitialized()) {
      const { precision, device } = options.model;
      const sets = this.#tasks.map(({ test }) => test);
      this.#files = new FeatureFiles(options.directory, sets, { precision, device, maxBytes });
    }
  }

  /** Does what is still to be done. Call it once. @returns the accuracy matrix */
  async finish(): Promise<AccuracyMatrix> {
    checkModel(this.#method, this.#options.model);
    await this.#method.beginRun?.(this.#contextOf(-1));
    this.#clock = startClock(this.#record.durationSeconds);
    this.#memory = new MemoryMeter(this.#options.model.device, this.#record.memory);
    this.#begin();
    const found = this.#directory.readMatrix();
    if (found === undefined && this.#continuation?.isGrown) this.#describe();
    const accuracy = found ?? emptyMatrix(this.#tasks, this.#holdOuts);
    using features = new TestFeatures(this.#method, this.#files);
    if (accuracy.datasets.length < this.#tasks.length) await this.#grow(accuracy, features);
    if (accuracy.zeroShot === undefined) await this.#evaluateZeroShot(accuracy, features);
    const firstTask = accuracy.matrix.length;
    this.#warnOfGuard();
    await this.#guardLatest(firstTask - 1);
    for (let t = firstTask; t < this.#tasks.length; t++) {
      this.#options.observer?.taskStarted?.(t, this.#tasks[t] as Task);
      const isUnchanged = await this.#reachTask(t, firstTask);
      this.#directory.keepOnlyCheckpoint(t);
      const accuracies = isUnchanged ? latest(accuracy) : await this.#evaluateAll(t, features);
      this.#add(accuracy, accuracies);
      this.#options.observer?.taskFinished?.(t, accuracies.stream as number[]);
      await this.#guard(t);
    }
    if (this.#record.finishedAt === null) {
      this.#directory.writeRecord({ ...this.#record, finishedAt: new Date().toISOString() });
    }
    return accuracy;
  }

  /** Writes what the run is. Not before the method accepts it. */
  #begin(): void {
    const changed = this.#continuation?.changed ?? {};
    if (this.#continuation === undefined) this.#describe();
    else if (Object.keys(changed).length > 0 && !this.#continuation.isGrown) {
      this.#log({ kind: "resumed", changed });
      this.#directory.writeRecord(this.#record);
    }
  }

  /** The files that say what the run is; the record is the last one. */
  #describe(): void {
    const samples = samplesOf(this.#tasks);
    if (Object.keys(samples).length > 0) this.#directory.writeSamples(samples);
    this.#directory.writeRecord(this.#record);
  }

  /**
   * Gives the rows so far the columns of new datasets, with the models of those rows as far as they can be
   * rebuilt. Among the classes of the whole stream, all columns of a row are measured anew.
   */
  async #grow(accuracy: AccuracyMatrix, features: TestFeatures): Promise<void> {
    const { protocol, model } = this.#options;
    const [directory, tasks, grownTo] = [this.#directory, this.#tasks, this.#tasks.length];
    const known = accuracy.datasets.length;
    const measured = protocol === "mtil" ? tasks.slice(known) : tasks;
    const emptyCells: EmptyCells[] = [];
    const events: RunEvent[] = [{ kind: "resumed", grownTo, changed: this.#continuation?.changed ?? {} }];
    using earlier = new EarlierModels(directory, model, this.#method, accuracy.matrix.length);
    const widened = async (row: readonly Accuracy[], t: number): Promise<Accuracy[]> => {
      const began = performance.now();
      const after = t < 0 ? null : (tasks[t] as Task).name;
      const reason = earlier.restore(t);
      const kept = row.slice(0, tasks.length - measured.length);
      if (reason !== undefined) {
        emptyCells.push({ after, datasets: measured.map(({ name }) => name), reason });
        this.#options.observer?.warn?.(
          `After ${after}, accuracy on ${measured.map(({ name }) => name).join(", ")} stays unknown: ${reason}.`,
        );
        return [...kept, ...measured.map(() => null)];
      }
      const accuracies = await this.#evaluate(measured, t, features);
      events.push({
        kind: "reevaluation",
        grownTo,
        task: t,
        accuracy: byName(measured, accuracies),
        ...this.#method.evaluationNotes?.(),
        seconds: (performance.now() - began) / 1000,
      });
      return [...kept, ...accuracies];
    };
    if (accuracy.zeroShot !== undefined) accuracy.zeroShot = await widened(accuracy.zeroShot, -1);
    for (const [t, row] of accuracy.matrix.entries()) accuracy.matrix[t] = await widened(row, t);
    accuracy.datasets = tasks.map(({ name }) => name);
    earlier.restore(-1);
    // Where only new columns are measured, what earlier growths left empty stays so.
    const isNew = (datasets: readonly string[]): boolean =>
      datasets.some((name) => measured.some((set) => set.name === name));
    const before = (this.#record.emptyCells ?? []).filter(({ datasets }) => !isNew(datasets));
    const all = [...before, ...emptyCells];
    this.#record.emptyCells = all.length > 0 ? all : undefined;
    directory.dropEventsOfGrowth(grownTo);
    for (const event of events) this.#log(event);
    this.#describe();
    directory.writeMatrix(accuracy); // last: as long as it lacks columns, a resumed run comes here again
  }

  async #evaluateZeroShot(accuracy: AccuracyMatrix, features: TestFeatures): Promise<void> {
    this.#directory.dropEventsFrom(-1);
    const { stream, holdOuts } = await this.#evaluateAll(-1, features);
    accuracy.zeroShot = stream;
    if (accuracy.holdOuts) accuracy.holdOuts.zeroShot = holdOuts;
    this.#saveProgress(accuracy);
    this.#options.observer?.taskFinished?.(-1, stream as number[]);
  }

  #add(accuracy: AccuracyMatrix, { stream, holdOuts }: Accuracies): void {
    accuracy.matrix.push(stream);
    accuracy.holdOuts?.matrix.push(holdOuts);
    this.#saveProgress(accuracy);
  }

  /**
   * Has model and method as they are after a task, and a checkpoint of them.
   * @param firstTask of this attempt
   * @returns whether the task changed nothing
   */
  async #reachTask(t: number, firstTask: number): Promise<boolean> {
    const directory = this.#directory;
    const { model } = this.#options;
    if (directory.hasCheckpoint(t)) {
      directory.removeStages();
      directory.loadCheckpoint(t, model, this.#method); // trained before the interruption, not yet evaluated
      directory.dropEventsFrom(t, "evaluation");
      return false;
    }
    if (t > 0 && t === firstTask) directory.loadCheckpoint(t - 1, model, this.#method);
    directory.dropEventsFrom(t);
    this.#files?.dropFrom(t);
    const summary = await this.#learn(t);
    this.#record.trainableParameters = summary.trainableParameters;
    directory.writeRecord(this.#record);
    directory.saveCheckpoint(t, model, this.#method);
    directory.removeStages();
    return summary.iterations === 0;
  }

  /** Several processes save nothing within a task: each would have to save its own generators and rows. */
  async #learn(t: number): Promise<TrainSummary> {
    this.#stages = torch.distributed.isInitialized() ? undefined : this.#stagesOf(t);
    try {
      return await this.#learnInStages(t);
    } finally {
      await this.#stages?.close();
      this.#stages = undefined;
    }
  }

  async #learnInStages(t: number): Promise<TrainSummary> {
    const [method, task, context] = [this.#method, this.#tasks[t] as Task, this.#contextOf(t)];
    const began = performance.now();
    this.#memory.begin();
    const about = { task: t, dataset: task.name };
    context.log({ kind: "task-start", ...about, images: task.train.length, classes: task.classes.length });
    await method.beginTask(task, context);
    const summary = await method.trainTask(task, context);
    await method.endTask(task, context);
    this.#alignWeights();
    const secondsBefore = this.#stages?.secondsBefore ?? 0;
    this.#earlierSeconds += secondsBefore;
    context.log({
      kind: "task-end",
      ...about,
      ...summary,
      seconds: secondsBefore + (performance.now() - began) / 1000,
      ...this.#memory.end("training"),
    });
    return summary;
  }

  #warnOfGuard(): void {
    const { guard, method, observer } = this.#options;
    if (guard === undefined || method.stateAfter === undefined) return;
    observer?.warn?.(
      `The guard measures CLIP's weights alone, and ${method.name} classifies by more: read its accuracies in the matrix.`,
    );
  }

  /** Makes up for the latest row where the run was stopped before its guard, or had none then. */
  async #guardLatest(t: number): Promise<void> {
    const directory = this.#directory;
    if (this.#options.guard === undefined || !directory.hasCheckpoint(t) || directory.readGuard(t)) return;
    directory.loadCheckpoint(t, this.#options.model, this.#method);
    directory.dropEventsFrom(t, "guard");
    await this.#guard(t);
  }

  /** Has the guard look at the model after a task. The task is kept whatever it finds. */
  async #guard(t: number): Promise<void> {
    const { guard, model, observer } = this.#options;
    if (guard === undefined) return;
    const began = performance.now();
    const onStep = (what: string): void => observer?.guarding?.(what);
    const { name } = this.#tasks[t] as Task;
    const found = { dataset: name, ...(await guard(model, { signal: this.#signal, onStep })) };
    this.#log({
      kind: "guard",
      task: t,
      dataset: name,
      isBroken: found.isBroken,
      ...(found.isBroken && { broken: brokenLimits(found) }),
      seconds: (performance.now() - began) / 1000,
    });
    this.#directory.recordGuard(t, found); // last: without it, a resumed run comes here again
    observer?.guarded?.(t, found);
  }

  /** Processes on unlike processors round differently: after each task all go on from the same weights. */
  #alignWeights(): void {
    if (!torch.distributed.isInitialized()) return;
    torch.scope(() => torch.distributed.copyFromFirst(this.#options.model.stateDict().values()));
  }

  async #evaluateAll(taskIndex: number, features: TestFeatures): Promise<Accuracies> {
    const [tasks, holdOuts] = [this.#tasks, this.#holdOuts];
    const began = performance.now();
    this.#memory.begin();
    const streamImages = countImages(tasks);
    const total = streamImages + countImages(holdOuts);
    const accuracies = {
      stream: await this.#evaluate(tasks, taskIndex, features, { total }),
      // In every protocol, only their own classes compete.
      holdOuts: await this.#evaluate(holdOuts, taskIndex, features, {
        protocol: "mtil",
        before: streamImages,
        total,
      }),
    };
    this.#log({
      kind: "evaluation",
      task: taskIndex,
      accuracy: byName(tasks, accuracies.stream),
      ...(holdOuts.length > 0 && { holdOuts: byName(holdOuts, accuracies.holdOuts) }),
      ...this.#method.evaluationNotes?.(),
      seconds: (performance.now() - began) / 1000,
      ...this.#memory.end(taskIndex < 0 ? "zero-shot" : "evaluation"),
    });
    return accuracies;
  }

  /** @param progress how many images there are in all, and how many were done before these */
  async #evaluate(
    datasets: readonly TestSet[],
    taskIndex: number,
    features: TestFeatures,
    progress: { protocol?: ProtocolName; before?: number; total?: number } = {},
  ): Promise<number[]> {
    const { evaluationBatchSize, observer } = this.#options;
    const { protocol = this.#options.protocol, before = 0, total = countImages(datasets) } = progress;
    return evaluate(this.#method, datasets, this.#contextOf(taskIndex), {
      protocol,
      batchSize: evaluationBatchSize ?? defaultEvaluationBatchSize,
      features: features.of(taskIndex),
      onProgress: (done) => observer?.evaluated?.(before + done, total),
    });
  }

  #contextOf(taskIndex: number): RunContext {
    const { model, protocol, seed, inherited, reference, observer } = this.#options;
    const [tasks, directory] = [this.#tasks, this.#directory];
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
      signal: this.#signal,
      stage: (name, total, state) => this.#stages?.begin(name, total, state) ?? unsavedStage(),
      log: (event) => this.#log(event),
      progress: (done, total, loss) => observer?.trained?.(done, total, loss),
      worked: (what, done, total) => observer?.worked?.(what, done, total),
      record: (change) =>
        directory.recordTask(taskIndex, (tasks[taskIndex] as Task).name, change, model.config.family),
    };
  }

  #stagesOf(t: number): TaskStages {
    const { saveEverySeconds = defaultSaveEverySeconds, observer } = this.#options;
    return new TaskStages({
      files: this.#directory.stages(t),
      identity: taskIdentity(this.#options, t),
      saveEverySeconds,
      signal: this.#signal,
      repeat: (event) => {
        this.#directory.appendEvent(event);
        observer?.logged?.(event);
      },
      warn: (message) => observer?.warn?.(message),
    });
  }

  #log(given: RunEvent): void {
    const event = { time: new Date().toISOString(), ...given };
    this.#directory.appendEvent(event);
    this.#stages?.note(event);
    this.#options.observer?.logged?.(given);
  }

  #saveProgress(accuracy: AccuracyMatrix): void {
    const [record, { peaks }] = [this.#record, this.#memory];
    this.#directory.writeMatrix(accuracy);
    record.durationSeconds = this.#clock() + this.#earlierSeconds;
    record.memory = peaks;
    const highest = Object.values(peaks).map(({ peakResidentBytes }) => peakResidentBytes);
    record.peakResidentBytes = Math.max(record.peakResidentBytes, ...highest);
    this.#directory.writeRecord(record);
  }
}

/**
 * What goes on, where the directory holds a run already.
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

/** Accuracies of one evaluation, in the order of the tasks and of the hold-outs. */
interface Accuracies {
  readonly stream: Accuracy[];
  readonly holdOuts: Accuracy[];
}

function emptyMatrix(tasks: readonly Task[], holdOuts: readonly TestSet[]): AccuracyMatrix {
  const empty = (datasets: readonly TestSet[]) => ({
    datasets: datasets.map(({ name }) => name),
    matrix: [] as Accuracy[][],
  });
  return { ...empty(tasks), ...(holdOuts.length > 0 && { holdOuts: empty(holdOuts) }) };
}

/** A copy of what was measured last. */
function latest({ matrix, zeroShot, holdOuts }: AccuracyMatrix): Accuracies {
  return {
    stream: [...(matrix.at(-1) ?? zeroShot ?? [])],
    holdOuts: [...(holdOuts?.matrix.at(-1) ?? holdOuts?.zeroShot ?? [])],
  };
}

function byName(datasets: readonly TestSet[], accuracies: readonly Accuracy[]): Record<string, Accuracy> {
  return Object.fromEntries(datasets.map(({ name }, j) => [name, accuracies[j] as Accuracy]));
}

function countImages(datasets: readonly TestSet[]): number {
  return datasets.reduce((count, { test }) => count + test.length, 0);
}

/** Seconds of running time, with those of earlier attempts. */
function startClock(before: number): () => number {
  const began = performance.now();
  return () => before + (performance.now() - began) / 1000;
}

function samplesOf(tasks: readonly Task[]): Samples {
  const described = tasks.flatMap(({ name, sample, train, test }): [string, SampleRecord][] => {
    const { indices: _indices, ...draw } = sample ?? {};
    const parts = { train, test };
    const images = (["train", "test"] as const).flatMap((part) => {
      const { contents } = parts[part];
      return contents === undefined ? [] : [[part, Object.fromEntries(contents)] as const];
    });
    if (sample === undefined && images.length === 0) return [];
    return [[name, { ...draw, ...(images.length > 0 && { images: Object.fromEntries(images) }) }]];
  });
  return Object.fromEntries(described);
}
