import { mkdirSync } from "node:fs";
import { extname, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { writeFileAtomically } from "../../files/index.js";
import {
  type CostAnalysis,
  costComparison,
  describeMissingRuns,
  findRuns,
  newerComparison,
  type PaperTable,
  paperTables,
  readCosts,
  readRun,
  type TableFormat,
  tableFormats,
} from "../../report/index.js";
import { print, tell } from "../output/print.js";

interface TablesFlags {
  runs: string[];
  format?: TableFormat;
  table?: number[];
  costs?: string;
  to?: string;
}

const numbers = [1, 2, 3, 4, 5, 6];

/** `codyra tables`: the paper's tables, from runs. */
export function tablesCommand(): Command {
  return new Command("tables")
    .description("Make the tables of the paper from runs, beside its own numbers.")
    .requiredOption("--runs <dir...>", "run directories, or folders that contain them")
    .addOption(
      new Option("--format <format>", "format (default: that of the file's suffix, else md)").choices(
        Object.keys(tableFormats),
      ),
    )
    .option("--table <number...>", "numbers of the tables (default: all)", collectNumber)
    .option("--costs <file>", "output of codyra analyze cost --json (default: counted anew)")
    .option("--to <path>", "a file for all tables, or a folder for one file each (default: print them)")
    .addHelpText(
      "after",
      `
Tables of arXiv:2412.01004, and where their data come from:
  1  Transfer, Average and Last in X-TAIL           finished runs of protocol x-tail
  2  the same in MTIL                               finished runs of protocol mtil
  3  datasets that are never trained on             runs with hold-outs
  4  parameters                                     codyra analyze cost
  5  RAIL on the frozen and on the updated encoder  runs of rail-* and codyra+rail-* in X-TAIL

Table of later papers' numbers, beside runs where protocol, datasets, order and images per class agree:
  6  Transfer, Average and Last, overall            finished runs over the paper's datasets

Mean ± standard deviation over seeds; best bold, second underlined. Runs over the paper's datasets stand beside its numbers, with the
difference; other streams get tables of their own. Rows without runs are blank, and listed with the command that makes them.
LaTeX needs \\usepackage{booktabs}. CSV and JSON hold fractions, not rounded.

Examples:
  $ codyra tables --runs runs
  $ codyra tables --runs runs/x-tail runs/mtil --format latex --table 1 2 --to paper`,
    )
    .action(makeTables);
}

async function makeTables({
  runs,
  table: wanted = numbers,
  costs,
  to,
  ...flags
}: TablesFlags): Promise<void> {
  const found = runs.flatMap(findRuns).map(readRun);
  const tables = [...paperTables(found), newerComparison(found)];
  if (wanted.includes(4)) tables.push(costComparison(await openCosts(costs)));
  const chosen = tables
    .filter(({ number }) => wanted.includes(number))
    .toSorted((a, b) => a.number - b.number);
  const isFile = to !== undefined && extname(to) !== "";
  const format = flags.format ?? (isFile ? formatOf(to) : "md");
  const { extension, render } = tableFormats[format];
  if (to === undefined) {
    print(render(chosen));
  } else {
    const files = isFile
      ? [{ path: resolve(to), tables: chosen }]
      : chosen.map((table) => ({ path: resolve(to, table.name + extension), tables: [table] }));
    if (!isFile) mkdirSync(resolve(to), { recursive: true });
    for (const { path, tables } of files) {
      writeFileAtomically(path, render(tables));
      print(`${path}\n`);
    }
  }
  if (to !== undefined || format === "csv") listMissing(chosen);
}

/** Tables of runs need no libtorch: where there is none, the costs stay blank. */
async function openCosts(path: string | undefined): Promise<CostAnalysis | undefined> {
  if (path !== undefined) return readCosts(path);
  try {
    const { countCosts } = await import("../../experiment/index.js");
    return { methods: countCosts() };
  } catch (error) {
    tell(`Table 4 stays blank: ${(error as Error).message}\n`);
    return undefined;
  }
}

function formatOf(path: string): TableFormat {
  const extension = extname(path);
  const found = Object.entries(tableFormats).find(([, format]) => format.extension === extension);
  return (found?.[0] ?? "md") as TableFormat;
}

/** Lists missing runs on stderr, since readers of the files may not look for them. */
function listMissing(tables: readonly PaperTable[]): void {
  for (const { number, missing } of tables) {
    for (const runs of missing) tell(`Table ${number} lacks ${describeMissingRuns(runs)}\n`);
  }
}

function collectNumber(text: string, before: number[] = []): number[] {
  const number = Number(text);
  if (numbers.includes(number)) return [...before, number];
  throw new InvalidArgumentError(`Expected one of ${numbers.join(", ")}.`);
}
