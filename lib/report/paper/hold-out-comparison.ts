import { holdOutAccuracy } from "../../records/index.js";
import type { PaperTable } from "./paper-table.js";
import { printedTables } from "./printed.js";
import { benchmarkFor, compare, describeLeftOut, describeNumbers, missingRuns, rowMethods } from "./rows.js";
import type { Stream } from "./streams.js";

/** Table 3: accuracy on datasets that are never trained on. */
export function holdOutComparison(stream: Stream | undefined): PaperTable {
  const printed = printedTables();
  const benchmark = benchmarkFor(stream, "x-tail");
  const { datasets, holdOuts } = stream ?? {
    datasets: printed["x-tail"].datasets,
    holdOuts: printed.holdOuts.datasets,
  };
  const isPaper = benchmark?.isPaper && holdOuts.join() === printed.holdOuts.datasets.join();
  const rows = rowMethods(stream, Object.keys(printed.holdOuts.transfer), benchmark).map((method) =>
    compare(
      stream,
      method,
      ({ accuracy }) => {
        const metric = accuracy.holdOuts && holdOutAccuracy(accuracy.holdOuts);
        return metric ? [...metric.columns, metric.overall] : [];
      },
      isPaper ? printed.holdOuts.transfer[method] : [],
    ),
  );
  return {
    number: 3,
    name: "table-3",
    title: "Hold-outs",
    caption:
      "Accuracy on datasets that are never trained on, in percent, mean over the models after every task of a stream of " +
      `${datasets.length} datasets. ${describeNumbers(stream, benchmark)}`,
    notes: describeLeftOut(stream),
    parts: [
      {
        title: "Hold-outs (%)",
        columns: [...holdOuts, "Mean"],
        best: "highest",
        unit: "accuracy",
        digits: 2,
        rows,
      },
    ],
    missing: missingRuns(rows, benchmark, { datasets, holdOuts }),
  };
}
