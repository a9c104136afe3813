import type { RunEvent, Stage, StageState } from "../methods/index.js";
import * as torch from "../torch/index.js";
import type { AgreedStop } from "./agreed-stop.js";
import { differing, type Identity } from "./identity.js";
import type { SavedStage, StageStore } from "./stage-files.js";

export interface TaskStagesOptions {
  readonly files: StageStore;
  readonly identity: Identity;
  /** Seconds between two saved states; 0 saves none. */
  readonly saveEverySeconds: number;
  readonly stop: AgreedStop;
  /** Writes an event of an earlier process again. */
  repeat(event: RunEvent): void;
  /** Told in a sentence what was not possible. */
  warn(message: string): void;
}

/** The stage that the task is in. */
interface OpenStage {
  readonly index: number;
  readonly name: string;
  readonly total: number;
  readonly state: StageState;
  readonly events: SavedStage["events"];
  savedDone: number;
}

/**
 * The stages of a task that is being learned. It saves the one that goes on every N seconds and when the run
 * is aborted, and takes over what an earlier process saved. A stage that ends is saved where doing it again
 * would cost a tenth of that time; shorter ones are done again.
 */
export class TaskStages {
  readonly #options: TaskStagesOptions;
  readonly #began = performance.now();
  #secondsBefore = 0;
  #lastSave = performance.now();
  #writing = 0;
  #stages = 0;
  #open: OpenStage | undefined;
  #warned = false;

  constructor(options: TaskStagesOptions) {
    this.#options = options;
  }

  /** Spent on the task by earlier processes, as far as their work was kept. */
  get secondsBefore(): number {
    return this.#secondsBefore;
  }

  /** As `RunContext` has it. */
  begin(name: string, total: number, state: StageState): Stage {
    const index = this.#stages++;
    const found = torch.scope(() => this.#restore(index, name, total, state));
    const { done, events } = found ?? { done: 0, events: [] };
    const open: OpenStage = { index, name, total, state, events: [...events], savedDone: done };
    this.#open = open;
    const { stop } = this.#options;
    return {
      done,
      get isAsked() {
        return stop.isAsked;
      },
      reached: (now, isAnyAsked) => this.#reached(open, now, isAnyAsked),
    };
  }

  /** Notes an event as part of the stage that goes on. What comes between stages is logged again anyway. */
  note(event: SavedStage["events"][number]): void {
    this.#open?.events.push(event);
  }

  /** Waits until everything is written. */
  close(): Promise<void> {
    return this.#options.files.close();
  }

  #reached(stage: OpenStage, done: number, isAnyAsked?: boolean): Promise<void> | undefined {
    const { saveEverySeconds, stop } = this.#options;
    stop.agree(isAnyAsked);
    const isDone = done === stage.total;
    if (isDone) this.#open = undefined;
    if (saveEverySeconds === 0) return undefined;
    if (stop.signal.aborted) return this.#stop(stage, done);
    const now = performance.now();
    const dueAfterMs = 1000 * (isDone ? saveEverySeconds / 10 : saveEverySeconds);
    if (now - this.#lastSave < dueAfterMs || (this.#writing > 0 && !isDone)) return undefined;
    this.#lastSave = now;
    void this.#save(stage, done);
    return undefined;
  }

  /** The last save before the process ends. */
  async #stop(stage: OpenStage, done: number): Promise<void> {
    if (done > stage.savedDone) await this.#save(stage, done);
    await this.close();
    await torch.distributed.barrier(); // nobody ends before the state is on the disk
    this.#options.stop.signal.throwIfAborted();
  }

  async #save(stage: OpenStage, done: number): Promise<void> {
    const { files, identity, warn } = this.#options;
    const { index, name, total } = stage;
    const seconds = this.#secondsBefore + (performance.now() - this.#began) / 1000;
    this.#writing++;
    try {
      const { written } = torch.scope(() => {
        const { tensors, data } = stage.state.state(done === total);
        const saved = { name, total, done, seconds, events: stage.events, data, identity };
        return { written: files.write(index, saved, tensors) };
      });
      await written;
      stage.savedDone = done;
    } catch (error) {
      if (!this.#warned) warn(`The task in progress is not saved, but goes on. ${(error as Error).message}`);
      this.#warned = true;
    } finally {
      this.#writing--;
    }
  }

  #restore(index: number, name: string, total: number, state: StageState): SavedStage | undefined {
    const found = this.#read(index);
    if (found === undefined) return undefined;
    const { stage } = found;
    const identity = { ...this.#options.identity, stage: [name, total] };
    const other = differing({ ...stage.identity, stage: [stage.name, stage.total] }, identity);
    if (other.length > 0) {
      this.#ignore(`it differs in ${other.join(", ")}`);
      return undefined;
    }
    torch.noGrad(() => state.loadState(found.state));
    for (const event of stage.events) this.#options.repeat(event);
    this.#secondsBefore = Math.max(this.#secondsBefore, stage.seconds);
    return stage;
  }

  #read(index: number): ReturnType<StageStore["read"]> {
    try {
      return this.#options.files.read(index);
    } catch (error) {
      this.#ignore((error as Error).message);
      return undefined;
    }
  }

  #ignore(reason: string): void {
    if (!this.#warned)
      this.#options.warn(`The state saved in the middle of the task is left aside: ${reason}`);
    this.#warned = true;
  }
}
