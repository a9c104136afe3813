import type { MetricName } from "../../records/index.js";
import { describeMetric, metricDescriptions } from "../metric-descriptions.js";
import type { ComparedRow, PaperTable, TablePart } from "./paper-table.js";
import { printedTables } from "./printed.js";
import { benchmarkFor, compare, describeLeftOut, describeNumbers, missingRuns, rowMethods } from "./rows.js";
import type { Stream } from "./streams.js";

const printedMetrics = ["transfer", "average", "last"] as const;

/** Table 5: RAIL's regression on the frozen encoder, and on the encoder that CoDyRA updates. */
export function railComparison(stream: Stream | undefined): PaperTable {
  const { overall } = printedTables();
  const benchmark = benchmarkFor(stream, "x-tail");
  const methods = Object.keys(overall).filter(
    (method) => benchmark !== undefined || stream?.methods.has(method),
  );
  const part = overallPart(stream, printedMetrics, methods, benchmark?.isPaper ? overall : {});
  return {
    number: 5,
    name: "table-5",
    title: "RAIL's regression on the frozen and on the updated encoder",
    caption: `X-TAIL, means over all datasets, in percent. ${describeNumbers(stream, benchmark)}`,
    notes: describeLeftOut(stream, methods),
    parts: [part],
    missing: missingRuns(part.rows, benchmark, stream),
  };
}

/** Transfer, Average, Last and Forgetting of every method of a stream, means over the datasets. */
export function overallComparison(stream: Stream): TablePart {
  const listed = Object.keys(stream.benchmark?.methods ?? {});
  const metrics = metricDescriptions.map(({ name }) => name);
  return overallPart(stream, metrics, rowMethods(stream, listed, undefined));
}

function overallPart(
  stream: Stream | undefined,
  metrics: readonly MetricName[],
  methods: readonly string[],
  printed: Readonly<Record<string, ComparedRow["paper"]>> = {},
): TablePart {
  const descriptions = metrics.map(describeMetric);
  return {
    title: "Overall (%)",
    columns: descriptions.map(({ title }) => title),
    best: descriptions.map(({ best }) => best),
    unit: "accuracy",
    digits: 1,
    rows: methods.map((method) =>
      compare(stream, method, (run) => metrics.map((name) => run.metrics?.[name].overall), printed[method]),
    ),
  };
}
