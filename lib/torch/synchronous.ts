/**
 * Checks the result of a function that runs in a mode of the thread.
 * @throws if it is a promise: other code that runs while `body` awaits would be caught in the mode
 */
export function synchronous<T>(result: T, name: string): T {
  if (result instanceof Promise) {
    result.catch(() => {}); // the error below is the one to report
    throw new TypeError(
      `${name}: expected a synchronous function, got one that returns a promise. Call ${name} inside it instead.`,
    );
  }
  return result;
}
