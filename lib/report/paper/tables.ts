import type { Run } from "../run.js";
import { holdOutComparison } from "./hold-out-comparison.js";
import { railComparison } from "./overall-comparison.js";
import type { PaperTable } from "./paper-table.js";
import { printedTables } from "./printed.js";
import { streamComparison } from "./stream-comparison.js";
import { findStreams, type Stream } from "./streams.js";

/**
 * Tables 1, 2, 3 and 5 of arXiv:2412.01004 from finished runs. There is one of each for every stream of the
 * runs, over the paper's datasets or others. Without such a stream, the paper's table has blanks for our
 * numbers. Table 4 is `costComparison`.
 */
export function paperTables(runs: readonly Run[]): PaperTable[] {
  const all = findStreams(runs);
  const plain = all.filter(({ holdOuts }) => holdOuts.length === 0);
  const streams = plain.length > 0 ? plain : all; // those with hold-outs are in table 3
  const [xTail, mtil] = (["x-tail", "mtil"] as const).map((name) =>
    streams.filter(({ protocol }) => protocol === name),
  );
  const rail = xTail?.filter(({ methods }) =>
    Object.keys(printedTables().overall).some((name) => methods.has(name)),
  );
  return [
    ...forEach(xTail, (stream) => streamComparison("x-tail", stream)),
    ...forEach(mtil, (stream) => streamComparison("mtil", stream)),
    ...forEach(findStreams(runs, { withHoldOuts: true }), holdOutComparison),
    ...forEach(rail, railComparison),
  ];
}

/** Several streams make tables 1, 1b, 1c, … */
function forEach(
  streams: readonly Stream[] = [],
  build: (stream: Stream | undefined) => PaperTable,
): PaperTable[] {
  const tables = streams.length > 0 ? streams.map(build) : [build(undefined)];
  return tables.map((table, i) => ({
    ...table,
    name: table.name + (i === 0 ? "" : String.fromCharCode(97 + i)),
  }));
}
