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
