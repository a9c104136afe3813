/**
 * Turns Ctrl-C and a polite kill into an abort: the current iteration ends, files stay whole. A second Ctrl-C ends at once.
 * @param say called at the first signal
 */
export function abortOnInterrupt(say: () => void): AbortController {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(130);
    say();
    controller.abort(new DOMException(`stopped by ${signal}`, "AbortError"));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return controller;
}
