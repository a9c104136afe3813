import { expect, it } from "vitest";
import { commands, commandsNamed } from "../../../lib/cli/commands/index.js";

const names = (each: readonly { name(): string }[]) => each.map((command) => command.name());

it("a command is loaded alone when it is named, and all where none is", async () => {
  const all = names(await commands());
  expect(all).toHaveLength(19);
  for (const name of all) expect(names(await commandsNamed(name))).toEqual([name]);
  for (const other of [undefined, "--help", "help", "rnu", "constructor"])
    expect(names(await commandsNamed(other))).toEqual(all);
});
