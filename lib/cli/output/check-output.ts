import type { Comparison } from "../../guard/index.js";
import { formatLimit, formatMeasure } from "../../report/index.js";

/** A line per measure, and one sentence on the index. */
export function checkOutput({ measures, advice, isBroken }: Comparison): string {
  const header = ["Measure", "", "Old", "New", "Limit", ""];
  const rows = measures.map((each) => [
    each.kind,
    each.name,
    formatMeasure(each, each.before),
    formatMeasure(each, each.after),
    formatLimit(each),
    each.isBroken ? "BROKEN" : each.limit === undefined ? "" : "ok",
  ]);
  const widths = header.map((title, j) => Math.max(title.length, ...rows.map((row) => row[j]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, j) => (j < 2 ? cell.padEnd(widths[j] as number) : cell.padStart(widths[j] as number)))
      .join("  ")
      .trimEnd();
  const total = widths.reduce((sum, width) => sum + width + 2, -2);
  return [
    line(header),
    "─".repeat(total),
    ...rows.map(line),
    "",
    ...(advice === undefined ? [] : [advice]),
    isBroken ? "Limits are broken." : "No limit is broken.",
    "",
  ].join("\n");
}
