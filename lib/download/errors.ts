import { isDiskFull } from "../options/index.js";

/** The bytes are not the expected ones. */
export class IntegrityError extends Error {
  override readonly name = "IntegrityError";
}

/** A failure that may be gone at the next attempt. */
export class TransientError extends Error {
  override readonly name = "TransientError";

  constructor(
    message: string,
    /** How long the server asks to wait. */
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Says in words when the disk or the user's share of it is full; any other error is returned as it is.
 * @param path what was being written   @param advice what to do once there is space
 */
export function explainDiskError(error: unknown, path: string, advice: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (!isDiskFull(error)) return error;
  return new Error(`${path}: expected space to write to, but the disk is full (${code}). ${advice}`, {
    cause: error,
  });
}
