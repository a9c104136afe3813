/** A request that cannot be met, whatever is on disk: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
