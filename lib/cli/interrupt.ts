import { constants } from "node:os";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** npx and terminals send one Ctrl-C twice, and one hang-up too: what comes within this time is the same. */
const repeatedWithinMs = 500;

let received: NodeJS.Signals | undefined;

/**
 * Turns Ctrl-C, a polite kill and a closed terminal into an abort: the current iteration ends, files stay
 * whole. A second Ctrl-C ends at once, also within an iteration.
 * @param say called at the first signal
 */
export function abortOnInterrupt(say: () => void): AbortController {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) return;
    received = signal;
    // The terminal may be gone: what is being written is finished all the same.
    for (const stream of [process.stdout, process.stderr])
      stream.removeAllListeners("error").on("error", () => {});
    say();
    controller.abort(new DOMException(`stopped by ${signal}`, "AbortError"));
    // The system then ends the process, which needs no turn of the event loop.
    setTimeout(() => process.off("SIGINT", stop), repeatedWithinMs).unref();
  };
  for (const signal of signals) process.on(signal, stop);
  return controller;
}

/**
 * As shells count: 130 after Ctrl-C, 143 after a kill, 129 after a hang-up.
 * @param reason the abort's reason; with several processes, another one may have got the signal first
 */
export function interruptedExitCode(reason: Error): number {
  const told = signals.find((signal) => reason.message.includes(`stopped by ${signal}`));
  return 128 + constants.signals[told ?? received ?? "SIGINT"];
}

/**
 * The command line that goes on with what this process was doing.
 * @param more arguments that the given ones left open
 */
export function commandToResume(...more: string[]): string {
  const given = process.argv.slice(2).filter((word) => !/^--resume(-if-started)?$/.test(word));
  return inShell([...given, ...more, "--resume"]);
}

/** The command line of this process, for commands that go on when they are asked again. */
export function commandLine(): string {
  return inShell(process.argv.slice(2));
}

function inShell(words: readonly string[]): string {
  const launch = process.env.CODYRA_LAUNCH?.split(" ") ?? []; // `codyra launch` started this process
  return ["codyra", ...launch, ...words].map(quoted).join(" ");
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
