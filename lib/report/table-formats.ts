import { formatPercent, type Mark, markCells, type Table } from "./table.js";

const MIN_COLUMN_WIDTH = "100.0".length;

/**
 * Aligned text. The best value is bold and the second underlined when `color` is on; dataset names are shortened as
 * far as it takes to fit `width` characters.
 */
export function renderTerminal(table: Table, options: { color?: boolean; width?: number } = {}): string {
  const { color = false, width = Number.POSITIVE_INFINITY } = options;
  const style = (text: string, code: number) => (color ? `\x1b[${code}m${text}\x1b[0m` : text);
  const codes = { best: 1, second: 4 };
  const labelWidth = Math.max(table.rowHeader.length, ...table.rows.map(({ label }) => label.length));
  const columns = shortenNames(table.columns, width - labelWidth);
  const cell = (text: string, j: number, mark?: Mark) => {
    const padding = " ".repeat(2 + Math.max(0, columnWidth(columns[j] as string) - text.length));
    return padding + (mark ? style(text, codes[mark]) : text);
  };
  const header = table.rowHeader.padEnd(labelWidth) + columns.map((name, j) => cell(name, j)).join("");
  const marks = markCells(table);
  const body = table.rows.map(
    ({ label, values }, i) =>
      label.padEnd(labelWidth) +
      values.map((value, j) => cell(formatPercent(value), j, marks[i]?.[j])).join(""),
  );
  return [style(table.title, 1), header, "─".repeat(header.length), ...body, ""].join("\n");
}

/** How to print on a stream: colour unless it is no terminal or `NO_COLOR` is set, and its width. */
export function terminalStyle(stream: NodeJS.WriteStream): { color: boolean; width: number | undefined } {
  return { color: Boolean(stream.isTTY) && stream.hasColors(), width: stream.columns };
}

/** A GitHub-flavoured Markdown table; best **bold**, second underlined. */
export function renderMarkdown(table: Table): string {
  const literal = (text: string) => text.replace(/[\\`*_|<>[\]]/g, "\\$&").replace(/\s+/g, " ");
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const emphasis = { best: (text: string) => `**${text}**`, second: (text: string) => `<u>${text}</u>` };
  return [
    `**${literal(table.title)}**`,
    "",
    line([table.rowHeader, ...table.columns].map(literal)),
    line(["---", ...table.columns.map(() => "--:")]),
    ...printedRows(table, emphasis).map(({ label, cells }) => line([literal(label), ...cells])),
    "",
  ].join("\n");
}

/** A LaTeX `tabular` with `booktabs` rules; best in bold, second underlined. */
export function renderLatex(table: Table): string {
  const special: Record<string, string> = {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
  };
  const literal = (text: string) => text.replace(/[\\~^<>|&%$#_{}]/g, (c) => special[c] ?? `\\${c}`);
  const line = (cells: string[]) => `${cells.join(" & ")} \\\\`;
  const emphasis = {
    best: (text: string) => `\\textbf{${text}}`,
    second: (text: string) => `\\underline{${text}}`,
  };
  return [
    `% ${table.title.replace(/\s+/g, " ")}`,
    `\\begin{tabular}{l${"r".repeat(table.columns.length)}}`,
    "\\toprule",
    line([table.rowHeader, ...table.columns].map(literal)),
    "\\midrule",
    ...printedRows(table, emphasis).map(({ label, cells }) =>
      line([literal(label), ...cells.map((text) => text.replace("-", "$-$").replace("–", "--"))]),
    ),
    "\\bottomrule",
    "\\end{tabular}",
    "",
  ].join("\n");
}

/** Comma-separated fractions, not rounded; empty where there is no value. */
export function renderCsv(table: Table): string {
  const field = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = [
    [table.rowHeader, ...table.columns],
    ...table.rows.map(({ label, values }) => [label, ...values.map((value) => String(value ?? ""))]),
  ];
  return lines.map((fields) => `${fields.map(field).join(",")}\n`).join("");
}

/** JSON with fractions, not rounded; `null` where there is no value. */
export function renderJson(table: Table): string {
  const rows = table.rows.map(({ label, values }) => ({
    label,
    values: values.map((value) => value ?? null),
  }));
  return `${JSON.stringify({ title: table.title, columns: table.columns, rows }, null, 2)}\n`;
}

function printedRows(table: Table, emphasis: Record<"best" | "second", (text: string) => string>) {
  const marks = markCells(table);
  return table.rows.map(({ label, values }, i) => ({
    label,
    cells: values.map((value, j) => {
      const mark = marks[i]?.[j];
      return mark ? emphasis[mark](formatPercent(value)) : formatPercent(value);
    }),
  }));
}

/** Cuts names at the longest common length with which all columns fit into `width`. */
function shortenNames(names: string[], width: number): string[] {
  for (let limit = Math.max(...names.map(({ length }) => length)); ; limit -= 1) {
    const shortened = names.map((name) => (name.length > limit ? `${name.slice(0, limit - 1)}…` : name));
    const total = shortened.reduce((sum, name) => sum + 2 + columnWidth(name), 0);
    if (total <= width || limit <= MIN_COLUMN_WIDTH) return shortened;
  }
}

function columnWidth(name: string): number {
  return Math.max(name.length, MIN_COLUMN_WIDTH);
}
