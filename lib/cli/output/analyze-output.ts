import { resolve } from "node:path";
import { Command } from "commander";
import { jsonText, writeJsonAtomically } from "../../files/index.js";
import type { Table } from "../../report/index.js";
import { addBaseModelOptions, type BaseModelFlags } from "../input/model-options.js";
import { print } from "./print.js";
import { terminalStyle } from "./terminal-style.js";

/** Flags for the result of an analysis. */
export interface OutputFlags {
  json?: boolean;
  to?: string;
}

/** A command that analyses one run; `--task` chooses among its tasks. */
export function runAnalysis(name: string): Command {
  return new Command(name)
    .requiredOption("--run <dir>", "run directory")
    .option("--to <file>", "also write JSON to a file")
    .option("--json", "print JSON");
}

/** The same, where the model that the run started from is opened. */
export function modelAnalysis(name: string): Command {
  return addBaseModelOptions(runAnalysis(name));
}

/** Flags of `modelAnalysis` beside those of the analysis. */
export function baseModelFlags({
  model,
  tokenizer,
  activation,
  allowPickle,
}: BaseModelFlags): BaseModelFlags {
  return { model, tokenizer, activation, allowPickle };
}

/** Writes a result as JSON where that is asked for, and prints it as JSON or as tables and notes. */
export async function writeAnalysis(
  { json, to }: OutputFlags,
  result: unknown,
  tables: readonly Table[],
  notes: readonly string[] = [],
): Promise<void> {
  const { renderTerminal } = await import("../../report/index.js");
  if (to !== undefined) writeJsonAtomically(resolve(to), result);
  if (json) {
    print(jsonText(result));
    return;
  }
  const rendered = tables.map((table) => renderTerminal(table, terminalStyle(process.stdout)));
  print(rendered.join("\n"));
  if (notes.length > 0) print(`\n${notes.map((note) => `${note}\n`).join("")}`);
}
