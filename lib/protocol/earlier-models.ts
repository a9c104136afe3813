import { copyModel, type DualEncoder, loadStateDict } from "../clip/index.js";
import { applyUpdates } from "../lora/index.js";
import type { ContinualMethod } from "../methods/index.js";
import * as torch from "../torch/index.js";
import type { RunDirectory } from "./run-directory.js";

/**
 * Rebuilds model and method as they were after earlier tasks. A run keeps its checkpoint, the low-rank
 * updates of every task, and a later state of the method.
 */
export class EarlierModels implements Disposable {
  readonly #pretrained: DualEncoder;
  readonly #latest: number | undefined;

  /**
   * @param model as it was before the first task; it is changed by `restore`
   * @param finished how many tasks have a row
   */
  constructor(
    readonly directory: RunDirectory,
    readonly model: DualEncoder,
    readonly method: ContinualMethod,
    finished: number,
  ) {
    this.#pretrained = copyModel(model);
    this.#latest = [finished, finished - 1].find((task) => task >= 0 && directory.hasCheckpoint(task));
  }

  /**
   * Makes model and method what they were after a task; −1 is before the first.
   * @returns why that is impossible, else `undefined`
   */
  restore(task: number): string | undefined {
    const { directory, model, method } = this;
    if (directory.hasCheckpoint(task)) {
      directory.loadCheckpoint(task, model, method);
      return undefined;
    }
    return torch.scope(() => {
      if (task >= 0 && !this.#hasWeights(task)) {
        return `${method.name} changes all weights, and only the last task has a checkpoint`;
      }
      if (task >= 0 && method.stateAfter !== undefined) {
        const later = this.#latest === undefined ? undefined : directory.readMethodState(this.#latest);
        const state = later && method.stateAfter(task + 1, later);
        if (state === undefined)
          return `${method.name} keeps beside the weights only its state after the last task`;
        method.loadState(state);
      }
      loadStateDict(model, this.#pretrained.stateDict(), directory.path);
      if (!method.keepsWeights) {
        for (let t = 0; t <= task; t++) applyUpdates(model, directory.readUpdates(t));
      }
      return undefined;
    });
  }

  dispose(): void {
    this.#pretrained.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #hasWeights(task: number): boolean {
    if (this.method.keepsWeights) return true;
    return Array.from({ length: task + 1 }, (_, t) => t).every((t) => this.directory.hasUpdates(t));
  }
}
