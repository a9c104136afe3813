import { Command, Option } from "commander";
import { jsonText } from "../../files/index.js";
import { type AccuracyUnit, computeMetrics, type Metric, readMatrixFile } from "../../records/index.js";
import { renderTerminal, streamTable } from "../../report/index.js";
import { print } from "../output/print.js";
import { terminalStyle } from "../output/terminal-style.js";

/** `codyra metrics FILE`: Transfer, Average, Last and Forgetting of an accuracy matrix. */
export function metricsCommand(): Command {
  return new Command("metrics")
    .description("Compute Transfer, Average, Last and Forgetting from an accuracy matrix.")
    .argument(
      "<file>",
      'JSON {"datasets": [names], "matrix": [[accuracies]]}, or CSV with a header of dataset names',
    )
    .addOption(
      new Option(
        "--unit <unit>",
        "unit of the accuracies; auto: fractions when all are at most 1, else percent",
      )
        .choices(["auto", "percent", "fraction"])
        .default("auto"),
    )
    .option("--json", "print JSON, with accuracies as fractions")
    .addHelpText(
      "after",
      `
Row t of the matrix holds the accuracy on every dataset after training on the first t of them. Accuracy before any
training is not a row. A CSV file may have a first column of task names.

Example:
  $ codyra metrics runs/demo/codyra/matrix.json
  $ printf 'task,digits,flags\\ndigits,90,40\\nflags,85,80\\n' > matrix.csv && codyra metrics matrix.csv --json`,
    )
    .action((file: string, options: { unit: AccuracyUnit; json?: boolean }) => {
      const accuracy = readMatrixFile(file, { unit: options.unit });
      if (options.json) {
        const metrics = Object.entries(computeMetrics(accuracy)).map(([name, metric]) => [
          name,
          plain(metric),
        ]);
        const result = { datasets: accuracy.datasets, ...Object.fromEntries(metrics) };
        print(jsonText(result));
      } else {
        print(renderTerminal(streamTable(accuracy), terminalStyle(process.stdout)));
      }
    });
}

/** JSON has no undefined: a column without a value is null. */
function plain({ columns, overall }: Metric) {
  return { columns: columns.map((value) => value ?? null), overall: overall ?? null };
}
