import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { commands } from "../../lib/cli/commands/index.js";
import { codeBlocks, readPages } from "./pages.js";

/** The command lines of `codyra` in a page's shell blocks, word by word. */
const commandLines = readPages().flatMap((page) =>
  codeBlocks(page, "sh").flatMap((code) =>
    code
      .replaceAll("\\\n", " ")
      .split("\n")
      .filter((line) => line.startsWith("npx codyra "))
      .map((line) => [page.path, line.replace(/\s+#.*$/, "")] as const),
  ),
);

const known = await commands();

/** The command that the words name, and the options among the rest. */
interface Parsed {
  readonly command: Command;
  readonly options: readonly string[];
}

/** A command with the options given to it; two where one, such as `launch`, runs another. */
function parse(words: readonly string[], among: readonly Command[]): Parsed[] {
  const command = among.find((candidate) => candidate.name() === words[0]);
  if (command === undefined) throw new Error(`there is no command '${words[0]}'`);
  const rest = words.slice(1);
  if (command.commands.length > 0) return parse(rest, command.commands);
  const isCommand = (word: string): boolean => among.some((candidate) => candidate.name() === word);
  const other = command.name() === "launch" ? rest.findIndex(isCommand) : rest.length;
  const options = rest.slice(0, other).filter((word) => /^--?[a-z]/.test(word));
  return [{ command, options }, ...(other < rest.length ? parse(rest.slice(other), among) : [])];
}

describe("commands in the documentation", () => {
  it("are found", () => {
    expect(commandLines.length).toBeGreaterThan(10);
  });

  it.each(commandLines)("%s: %s", (_page, line) => {
    const words = line.replaceAll(/"[^"]*"/g, "text").split(/\s+/);
    for (const { command, options } of parse(words.slice(2), known)) {
      const accepted = command.options.flatMap(({ long, short }) => [long, short]);
      expect(accepted).toEqual(expect.arrayContaining([...options]));
    }
  });
});
