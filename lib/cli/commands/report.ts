import { resolve } from "node:path";
import { Command } from "commander";
import { findRuns, readRun, writeReport } from "../../report/index.js";
import { print } from "../output/print.js";

/** `codyra report --runs DIR... --to FILE`: one page about one or several runs. */
export function reportCommand(): Command {
  return new Command("report")
    .description("Write one self-contained HTML page about runs over the same datasets.")
    .requiredOption("--runs <dir...>", "run directories, or folders that contain them")
    .option("--to <file>", "file for the page", "report.html")
    .addHelpText("after", "\nExample:\n  $ codyra report --runs runs/demo --to report.html")
    .action(async (options: { runs: string[]; to: string }) => {
      const runs = options.runs.flatMap(findRuns).map(readRun);
      writeReport(runs, options.to);
      print(`${resolve(options.to)}\n`);
    });
}
