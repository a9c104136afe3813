import * as torch from "../torch/index.js";

/**
 * The end of a run that was asked to stop: of several processes all stop at the same point, whichever of them
 * was asked.
 */
export class AgreedStop {
  readonly #asked: AbortSignal;
  readonly #agreed = new AbortController();

  /** @param asked aborted when this process should stop */
  constructor(asked: AbortSignal) {
    this.#asked = asked;
  }

  /** Aborted when the run stops: in a process by itself as soon as it is asked, else by `agree`. */
  get signal(): AbortSignal {
    return torch.distributed.isInitialized() ? this.#agreed.signal : this.#asked;
  }

  /** Whether this process was asked to stop. */
  get isAsked(): boolean {
    return this.#asked.aborted;
  }

  /**
   * Has all processes stop here if one of them was asked to. All call it at the same points.
   * @param isAnyAsked whether one was, where all know it already
   */
  agree(isAnyAsked?: boolean): void {
    const { distributed } = torch;
    if (!distributed.isInitialized() || this.signal.aborted) return;
    if (!(isAnyAsked ?? isTrueOfAny(this.isAsked))) return;
    const own = this.#asked.aborted ? String((this.#asked.reason as Error).message) : undefined;
    const reason = distributed.allGatherObjects(own).find((each) => each !== undefined);
    this.#agreed.abort(new DOMException(reason, "AbortError"));
  }
}

function isTrueOfAny(own: boolean): boolean {
  return torch.scope(() => {
    const count = torch.tensor([Number(own)]);
    torch.distributed.allReduce(count);
    return count.item() !== 0;
  });
}
