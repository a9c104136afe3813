import { classFeatures, copyTextEncoder, type DualEncoder } from "../../clip/index.js";
import { promptKey } from "../../data/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { withoutPrefix, withPrefix } from "./named-tensors.js";
import type { LabelGroup } from "./types.js";

/** Before the names of its weights in a state. */
export const firstPrefix = "first.";

/**
 * The text encoder as it was before the first task. The name of a class says whether it was learned, before
 * any image is seen. The first encoder reads those that were not.
 */
export class FirstTexts implements Disposable {
  #current: DualEncoder | undefined;
  #first: DualEncoder | undefined;

  /** Keeps a copy of the model's text encoder. Tasks change the model from now on. */
  begin(model: DualEncoder): void {
    this.#first?.dispose();
    this.#current = model;
    this.#first = copyTextEncoder(model);
  }

  /**
   * Unit features of classes: of learned ones by the current text encoder, of all others by the first.
   * @param learned the `promptKey` of every learned class
   * @returns `[classes, D]`
   */
  features({ classes, templates }: LabelGroup, learned: ReadonlySet<string>): Tensor {
    const [current, first] = [this.#current, this.#first];
    if (current === undefined || first === undefined) {
      throw new Error(
        "unlearnedTexts: expected to classify during a run, or by an exported head, got neither. Call `beginRun` first, or `openHead`.",
      );
    }
    const isLearned = classes.map((name) => learned.has(promptKey(name)));
    const parts = [
      { model: current, positions: positionsOf(isLearned, true) },
      { model: first, positions: positionsOf(isLearned, false) },
    ].filter(({ positions }) => positions.length > 0);
    return torch.scope(() => {
      const encoded = parts.map(({ model, positions }) =>
        classFeatures(
          model,
          positions.map((i) => classes[i] as string),
          templates,
        ),
      );
      const order = parts.flatMap(({ positions }) => positions);
      const rows = new Array<number>(order.length);
      for (const [row, position] of order.entries()) rows[position] = row;
      const { device } = current;
      return torch.cat(encoded).indexSelect(0, torch.tensor(rows, { dtype: "int64", device }));
    });
  }

  /** The weights that tasks have changed since, as they were. Call it inside a scope. */
  state(): Map<string, Tensor> {
    const now = (this.#current as DualEncoder).stateDict();
    const changed = Array.from(this.#weights()).filter(([name, weight]) => {
      return !torch.scope(() => weight.equal(now.get(name) as Tensor));
    });
    return new Map(withPrefix(firstPrefix, changed));
  }

  /** Takes the place of the weights that a state has; other tensors of the state are no concern. */
  loadState(tensors: ReadonlyMap<string, Tensor>): void {
    torch.noGrad(() =>
      torch.scope(() => {
        const weights = this.#weights();
        for (const [name, tensor] of withoutPrefix(firstPrefix, tensors)) weights.get(name)?.copy_(tensor);
      }),
    );
  }

  dispose(): void {
    this.#first?.dispose();
    this.#first = undefined;
    this.#current = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Those that texts pass through. */
  #weights(): Map<string, Tensor> {
    const all = (this.#first as DualEncoder).stateDict();
    return new Map(Array.from(all).filter(([name]) => name.startsWith("text_")));
  }
}

function positionsOf(flags: readonly boolean[], wanted: boolean): number[] {
  return flags.flatMap((flag, i) => (flag === wanted ? [i] : []));
}
