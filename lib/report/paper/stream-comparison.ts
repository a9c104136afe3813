import { describeMetric } from "../metric-descriptions.js";
import type { PaperTable, TablePart } from "./paper-table.js";
import { type PrintedStream, printedTables } from "./printed.js";
import { benchmarkFor, compare, describeLeftOut, describeNumbers, missingRuns, rowMethods } from "./rows.js";
import type { Stream } from "./streams.js";

const metrics = ["transfer", "average", "last"] as const;
const titles = { "x-tail": "X-TAIL", mtil: "MTIL" } as const;

/** Tables 1 and 2: Transfer, Average and Last of every method on every dataset. */
export function streamComparison(protocol: Stream["protocol"], stream: Stream | undefined): PaperTable {
  const printed = printedTables()[protocol];
  const benchmark = benchmarkFor(stream, protocol);
  const methods = rowMethods(stream, Object.keys(printed.transfer), benchmark);
  const parts = metrics.map((name): TablePart => {
    const { title, best } = describeMetric(name);
    return {
      title: `${title} (%)`,
      columns: [...(stream?.datasets ?? printed.datasets), "Mean"],
      best,
      unit: "accuracy",
      digits: 1,
      rows: methods.map((method) =>
        compare(
          stream,
          method,
          (run) => (run.metrics ? [...run.metrics[name].columns, run.metrics[name].overall] : []),
          benchmark?.isPaper ? printedRow(printed, name, method) : [],
        ),
      ),
    };
  });
  const number = protocol === "x-tail" ? 1 : 2;
  return {
    number,
    name: `table-${number}`,
    title: `${titles[protocol]}: Transfer, Average and Last`,
    caption:
      "Accuracy on every dataset, in percent: before it is learned (Transfer), over all tasks (Average), and after the last task (Last). " +
      describeNumbers(stream, benchmark),
    notes: [
      ...describeLeftOut(stream),
      ...(benchmark?.isPaper ? printed.doubts.map((doubt) => `In the paper: ${doubt}`) : []),
    ],
    parts,
    missing: missingRuns(parts[0]?.rows ?? [], benchmark, stream),
  };
}

/**
 * The first row of the printed tables is zero-shot accuracy, which no training changes: its Average and its
 * Last.
 */
function printedRow(printed: PrintedStream, metric: (typeof metrics)[number], method: string) {
  return printed[metric][method] ?? (method === "zero-shot" ? printed.zeroShot : undefined);
}
