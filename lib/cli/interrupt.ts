/**
 * Turns Ctrl-C and a polite kill into an abort: the current iteration ends, files stay whole. A second Ctrl-C
 * ends at once.
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
