/** What was asked for cannot be, whatever is on disk: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
