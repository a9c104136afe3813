import { TransientError } from "./errors.js";

/** How long a server may be silent, unless a download says otherwise. */
export const defaultStallTimeoutMs = 60_000;

/**
 * Ends waiting for a server that sends nothing any more. Call `heard` whenever something comes, and `stop` at
 * the end.
 */
export class Patience {
  readonly #stalled = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly url: string,
    readonly timeoutMs = defaultStallTimeoutMs,
  ) {
    this.heard();
  }

  /** Aborted when nothing came for too long, or by the given signal. */
  with(signal?: AbortSignal): AbortSignal {
    return signal === undefined ? this.#stalled.signal : AbortSignal.any([signal, this.#stalled.signal]);
  }

  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stalled.abort(this.#error()), this.timeoutMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** The error to throw, if waiting was ended. */
  get failure(): TransientError | undefined {
    return this.#stalled.signal.aborted ? (this.#stalled.signal.reason as TransientError) : undefined;
  }

  #error(): TransientError {
    const seconds = this.timeoutMs / 1000;
    return new TransientError(
      `${this.url}: expected more bytes, but nothing came for ${seconds} s. Check the network and try again.`,
    );
  }
}
