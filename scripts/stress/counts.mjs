/** Counts of a kind of stress, and its findings. */
export class Counts {
  /** How many things were tried. */
  tried = 0;
  /** Those that were answered with an error, as they should be. */
  refused = 0;
  aborts = 0;
  hangs = 0;
  wrong = 0;
  /** @type {string[]} the command that shows it again */
  findings = [];

  /** @param {"aborts" | "hangs" | "wrong"} fault */
  find(fault, how) {
    this[fault]++;
    this.findings.push(how);
    console.error(`  ${fault}: ${how}`);
  }

  get isGood() {
    return this.tried > 0 && this.aborts + this.hangs + this.wrong === 0;
  }
}

const columns = ["tried", "refused", "aborts", "hangs", "wrong"];

/** A table of all kinds. @param {[name: string, counts: Counts, seconds: number][]} results */
export function formatCounts(results) {
  const header = ["", ...columns, "seconds"];
  const rows = results.map(([name, counts, seconds]) => [
    name,
    ...columns.map((column) => counts[column].toLocaleString("en")),
    String(Math.round(seconds)),
  ]);
  const widths = header.map((_, i) => Math.max(...[header, ...rows].map((row) => row[i].length)));
  return [header, ...rows]
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "),
    )
    .join("\n");
}
