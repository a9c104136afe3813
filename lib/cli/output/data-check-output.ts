import { type DatasetCheck, describeSplit, type FailedImages } from "../../data/index.js";

const columns = ["classes", "train", "validation", "test"] as const;

interface FormatOptions {
  readonly explainMissing?: boolean;
  readonly warnings?: readonly string[];
  /** Reasons why a run would not start, other than its datasets. */
  readonly problems?: readonly string[];
}

/** A line per dataset, and below what is wrong with each, and with several together. */
export function formatChecks(
  checks: readonly DatasetCheck[],
  { explainMissing = false, warnings = [], problems = [] }: FormatOptions = {},
): string {
  const header = ["Dataset", "Layout", "Classes", "Train", "Validation", "Test", "Status"];
  const table = align([header, ...checks.map(row)]);
  const rule = "─".repeat(Math.max(...table.map(({ length }) => length)));
  const [first, ...rows] = table;
  const below = checks.flatMap((check) => details(check, explainMissing));
  const together = warnings.length > 0 ? ["", ...warnings] : [];
  if (problems.length > 0) together.push("", "A run would refuse:", ...problems);
  return `${[first, rule, ...rows, ...below, ...together].join("\n")}\n`;
}

function row({ name, layout = "–", counts, expected, status }: DatasetCheck): string[] {
  const numbers = columns.map((column) => {
    if (counts === undefined) return "–";
    const [count, wanted] = [counts[column], expected?.[column]];
    return wanted === undefined || wanted === count ? `${count}` : `${count} of ${wanted}`;
  });
  return [name, layout, ...numbers, status];
}

/** Tells the places of a dataset only if it was asked for by name. */
function details(check: DatasetCheck, explainMissing: boolean): string[] {
  const { name, status, problem, split, warnings = [], images } = check;
  const lines = [
    ...(problem === undefined || (status === "missing" && !explainMissing) ? [] : [problem]),
    ...describeSplit(split ?? "given"),
    ...warnings,
    ...failures("missing", images?.missing),
    ...failures("unreadable", images?.unreadable),
  ];
  return lines.length > 0 ? ["", name, ...lines.map((line) => `  ${line.replaceAll("\n", "\n  ")}`)] : [];
}

function failures(kind: string, failed?: FailedImages): string[] {
  if (failed === undefined || failed.count === 0) return [];
  const { count, first } = failed;
  const heading = `${count} ${kind} image${count === 1 ? "" : "s"}${count > first.length ? `; the first ${first.length}` : ""}:`;
  return [heading, ...first.map(({ place, reason }) => `  ${place}: ${reason}`)];
}

/** Pads cells to the width of their column: text on the left, numbers on the right. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, j) => Math.max(...rows.map((cells) => cells[j]!.length)));
  const isText = (j: number) => j < 2 || j === widths.length - 1;
  return rows.map((cells) =>
    cells
      .map((cell, j) => (isText(j) ? cell.padEnd(widths[j]!) : cell.padStart(widths[j]!)))
      .join("  ")
      .trimEnd(),
  );
}
