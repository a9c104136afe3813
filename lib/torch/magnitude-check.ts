import { bridge } from "./bridge.js";
import { handles } from "./operator.js";
import type { Tensor } from "./tensor.js";

/** Looks on another thread whether all numbers of some tensors are at most so large; NaN is not. */
export class MagnitudeCheck {
  readonly #check: unknown;

  /** @param tensors on the CPU, which nobody changes meanwhile   @param most above 0 */
  constructor(tensors: readonly Tensor[], most: number) {
    this.#check = bridge().beginMagnitudeCheck(handles(tensors), most);
  }

  /** Waits for the thread; to be asked once. @returns the index of the first tensor with another number */
  firstBeyond(): number | undefined {
    const index = bridge().endMagnitudeCheck(this.#check);
    return index < 0 ? undefined : index;
  }
}
