import { type Comparison, isRatio, type Measure } from "../../guard/index.js";

/** A line per measure, and one sentence on the index. */
export function checkOutput({ measures, advice, isBroken }: Comparison): string {
  const header = ["Measure", "", "Old", "New", "Limit", ""];
  const rows = measures.map((each) => [
    each.kind,
    each.name,
    value(each, each.before),
    value(each, each.after),
    limitOf(each),
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

function value({ kind }: Measure, number: number): string {
  if (kind === "size") return `${(number / 1e6).toFixed(1)} MB`;
  if (kind === "time") return `${number.toFixed(1)} ms`;
  if (kind === "cosine") return number.toFixed(3);
  return `${(100 * number).toFixed(1)} %`;
}

function limitOf({ kind, limit }: Measure): string {
  if (limit === undefined) return "";
  if (isRatio(kind)) return `≤ ${limit}×`;
  if (kind === "cosine") return `≥ ${(1 - limit).toFixed(3)}`;
  if (kind === "neighbours") return `≥ ${(100 * (1 - limit)).toFixed(1)} %`;
  return `−${(100 * limit).toFixed(1)}`;
}
