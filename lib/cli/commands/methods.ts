import { Command } from "commander";
import { jsonText } from "../../files/index.js";
import { methodHelp, methodList, methodNamed } from "../output/method-help.js";
import { print } from "../output/print.js";

/** `codyra methods [METHOD]`: the methods, or the options of one. */
export function methodsCommand(): Command {
  return new Command("methods")
    .description("List the methods, or the options of one: meaning, type, default and source.")
    .argument("[method]", "name of a method")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  $ codyra methods\n  $ codyra methods codyra")
    .action(async (name: string | undefined, { json = false }: { json?: boolean }) => {
      const text = json
        ? await methodJson(name)
        : await (name === undefined ? methodList() : methodHelp(name));
      print(text);
    });
}

async function methodJson(name: string | undefined): Promise<string> {
  const { methods, optionRows } = await import("../../methods/index.js");
  const chosen = name === undefined ? methods : [await methodNamed(name)];
  const described = chosen.map((method) => ({
    name: method.name,
    summary: method.summary,
    options: optionRows(method),
  }));
  return jsonText(name === undefined ? described : described[0]);
}
