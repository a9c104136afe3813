import { type Command, CommanderError, Help } from "commander";
import { print } from "./print.js";

/** Every method with its summary. */
export async function methodList(): Promise<string> {
  const { methods } = await import("../../methods/index.js");
  return items(methods.map(({ name, summary }) => [name, summary]));
}

/**
 * A method's options: meaning, type, default and source of each.
 * @throws if there is no method of that name
 */
export async function methodHelp(name: string): Promise<string> {
  const { optionRows } = await import("../../methods/index.js");
  const method = await methodNamed(name);
  const rows = optionRows(method).map(
    ({ name, type, default: standard, meaning, source }): Item => [
      name,
      `${meaning} (${type}; default: ${standard}; source: ${source})`,
    ],
  );
  const options =
    rows.length === 0 ? "It has no options.\n" : `Options, for -o or 'options':\n${items(rows)}`;
  return `${method.name}: ${method.summary}\n\n${options}`;
}

/** @throws UsageError if there is no method of that name */
export async function methodNamed(name: string) {
  const { findMethod } = await import("../../methods/index.js");
  const { UsageError } = await import("../../options/index.js");
  try {
    return findMethod(name);
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}

/**
 * Completes the help of `codyra run` with the list of methods; `run --help METHOD` shows that method's
 * options instead. Other commands need not load methods for it.
 * @param words those of the command line
 */
export async function completeRunHelp(command: Command, words: readonly string[]): Promise<void> {
  const help = words.findIndex((word) => word === "--help" || word === "-h");
  if (command.name() !== "run" || help < 0) return;
  const named = words[help + 1];
  if (named === undefined || named.startsWith("-")) {
    command.addHelpText("after", `\nMethods:\n${await methodList()}`);
    return;
  }
  print(await methodHelp(named));
  throw new CommanderError(0, "commander.helpDisplayed", "");
}

type Item = readonly [term: string, description: string];

/** Two columns as in the help of commands, wrapped to the terminal. */
function items(rows: readonly Item[]): string {
  const help = new Help();
  help.prepareContext({ helpWidth: Math.min(process.stdout.columns ?? 110, 110) });
  const width = Math.max(...rows.map(([term]) => term.length));
  return rows.map(([term, text]) => `${help.formatItem(term, width, text, help)}\n`).join("");
}
