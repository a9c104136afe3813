import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { ZodError } from "zod";
import { packageRoot } from "../files/index.js";
import { UsageError } from "../options/index.js";
import { endQuickly } from "../torch/quick-end.js";
import { commandsNamed } from "./commands/index.js";
import { interruptedExitCode } from "./interrupt.js";
import { errorText } from "./output/error-text.js";
import { completeRunHelp } from "./output/method-help.js";
import { tell } from "./output/print.js";
import { isToldByFirst, launchedRank, stopWithLauncher } from "./processes.js";

const { version } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
  version: string;
};

const program = new Command("codyra")
  .description("Teach a CLIP model new things, one dataset after another, without forgetting what it knew.")
  .version(version)
  .enablePositionalOptions(); // what follows `launch` is the other command's
for (const command of await commandsNamed(process.argv[2])) program.addCommand(command);
program.hook("preSubcommand", (_program, command) => completeRunHelp(command, process.argv.slice(2)));
prepare(program, program.name());
process.stdout.on("error", endQuietlyWhenNobodyReads);
stopWithLauncher();
endQuickly();

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

/**
 * 0: all is well, 1: failed, 2: wrong usage; after a signal 130, 143 or 129. Prints what commander has not
 * printed itself.
 */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Error && error.name === "AbortError") return interruptedExitCode(error); // the command has said how to go on
  const message = errorText(error);
  const rank = launchedRank();
  if (!isToldByFirst(error)) tell(`codyra${rank > 0 ? ` (rank ${rank})` : ""}: ${message}\n`);
  if (process.env.CODYRA_DEBUG) tell(`${(error as Error).stack}\n`);
  return error instanceof ZodError || error instanceof UsageError ? 2 : 1;
}

/** Has a command, and all below it, throw in place of exiting, and say where help is. */
function prepare(command: Command, name: string): void {
  command.exitOverride().showHelpAfterError(`See ${name} --help for the options and an example.`);
  for (const child of command.commands) prepare(child, `${name} ${child.name()}`);
}

/** As in `codyra classify … | head`. */
function endQuietlyWhenNobodyReads(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(0);
  if (error.code !== "EIO") throw error; // of a terminal that was closed: what is being written is finished
}
