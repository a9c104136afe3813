import { setTimeout as sleep } from "node:timers/promises";
import { TransientError } from "./errors.js";

export interface RetryOptions {
  /** Attempts after the first that bring nothing, before giving up. Default: 5. */
  readonly retries?: number;
  /** Wait before the first further attempt; doubles with each. Default: 500. */
  readonly retryDelayMs?: number;
  readonly signal?: AbortSignal;
  /** Told of a failed attempt, and how long it is until the next. */
  readonly onRetry?: (error: Error, waitMs: number) => void;
}

const longestWaitMs = 60_000;

/**
 * Attempts something until it works or fails for good.
 * @param progress a number that grows as attempts bring something; then the count of failures begins anew
 * @throws the last TransientError when retries are used up, and any other error at once
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  { retries = 5, retryDelayMs = 500, signal, onRetry }: RetryOptions,
  progress: () => number = () => 0,
): Promise<T> {
  for (let failures = 0; ; ) {
    const before = progress();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      failures = progress() > before ? 1 : failures + 1;
      if (failures > retries) throw error;
      const asked = error.retryAfterMs ?? retryDelayMs * 2 ** (failures - 1);
      const waitMs = Math.min(asked, longestWaitMs);
      onRetry?.(error, waitMs);
      await sleep(waitMs, undefined, { signal });
    }
  }
}
