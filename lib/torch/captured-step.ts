import { scope, unscoped } from "./scope.js";

/** A step that is run again and again. */
export interface CapturedStep<T> {
  /**
   * Runs the step: operator by operator while it warms up, then as a graph. A graph returns the very tensors
   * that were made while it was recorded, with new values. Read or copy them before the next replay, and
   * leave disposing to `dispose`.
   */
  replay(): T;
  /** Whether `replay` launches a graph from now on. */
  readonly isCaptured: boolean;
  /** Why the step could not be captured; undefined if it is, and before that was tried. */
  readonly reason: string | undefined;
  /** Frees the memory of the graph. The tensors that `replay` returned must not be used any more. */
  dispose(): void;
}

/** A part of a step. Neighbours that can be recorded become one graph. */
export interface StepPart {
  run(): unknown;
  /**
   * Never recorded, but run at every replay, such as a collective. It may use tensors that outlive the step
   * only, and nothing but what it leaves in them reaches the next part.
   */
  readonly isOutside?: boolean;
}

/** The device's work that was queued once, to be queued again. */
export interface Recording<R> {
  /** The value that its JavaScript returned. */
  readonly result: R;
  replay(): void;
  dispose(): void;
}

/** Makes recordings: CUDA graphs. */
export interface Recorder {
  /** Runs what warms up, or records, where that can be done. */
  aside<R>(body: () => R): R;
  /** Comes before the recordings of a step. */
  prepare(): void;
  /** @throws if the work cannot be recorded; then nothing of it stays behind */
  record<R>(work: () => R): Recording<R>;
}

/** How a step is captured. */
export interface CaptureSettings {
  /** Runs before the one that is recorded. */
  readonly warmUp: number;
  /** From why recording failed here, if it did, to why it counts as failed. */
  agree(reason: string | undefined): string | undefined;
}

let nestedRecordings = 0;

/** Whether the work of a step is being recorded: then values cannot be read. */
export function isRecording(): boolean {
  return nestedRecordings > 0;
}

/** A step of parts, which becomes recordings and what runs between them. */
export class CapturedParts implements CapturedStep<unknown> {
  readonly #parts: readonly StepPart[];
  readonly #recordings: Recording<unknown>[] = [];
  #runs = 0;
  #isCaptured = false;
  #reason: string | undefined;

  constructor(
    parts: readonly StepPart[],
    private readonly recorder: Recorder,
    private readonly settings: CaptureSettings,
  ) {
    this.#parts = joined(parts);
  }

  get isCaptured(): boolean {
    return this.#isCaptured;
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  /** @returns the value of the last part */
  replay(): unknown {
    if (!this.#isCaptured && this.#reason === undefined) {
      if (this.#runs++ < this.settings.warmUp) return this.recorder.aside(() => runAll(this.#parts));
      this.recorder.aside(() => this.#record());
    }
    return this.#isCaptured ? this.#replayAll() : runAll(this.#parts);
  }

  dispose(): void {
    for (const recording of this.#recordings.splice(0)) recording.dispose();
    this.#isCaptured = false;
    this.#reason ??= "it was disposed of";
  }

  #record(): void {
    this.recorder.prepare();
    this.#reason = this.settings.agree(this.#tryToRecord());
    this.#isCaptured = this.#reason === undefined;
    if (!this.#isCaptured) this.dispose();
  }

  /** In one scope: parts hand tensors on. @returns why it is impossible, if so */
  #tryToRecord(): string | undefined {
    const { recorder } = this;
    nestedRecordings += 1;
    try {
      const recordings = unscoped(() =>
        scope(() => {
          for (const { run, isOutside } of this.#parts)
            if (!isOutside) this.#recordings.push(recorder.record(run));
          return this.#recordings; // with the tensors that they return
        }),
      );
      return recordings.length > 0 ? undefined : "it has no part that can be recorded";
    } catch (error) {
      return (error as Error).message;
    } finally {
      nestedRecordings -= 1;
    }
  }

  #replayAll(): unknown {
    const recordings = this.#recordings.values();
    let result: unknown;
    for (const { run, isOutside } of this.#parts) {
      if (isOutside) {
        result = run();
        continue;
      }
      const recording = recordings.next().value as Recording<unknown>;
      recording.replay();
      result = recording.result;
    }
    return result;
  }
}

/** @returns the value of the last part */
function runAll(parts: readonly StepPart[]): unknown {
  let result: unknown;
  for (const { run } of parts) result = run();
  return result;
}

/** Without neighbours that can be recorded in one. */
function joined(parts: readonly StepPart[]): StepPart[] {
  const result: StepPart[] = [];
  for (const part of parts) {
    const before = result.at(-1);
    if (before === undefined || before.isOutside || part.isOutside)
      result.push({ ...part, run: () => part.run() });
    else result[result.length - 1] = { run: () => runAll([before, part]) };
  }
  return result;
}
