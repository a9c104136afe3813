import { jsonText } from "../files/index.js";
import { checkOptions } from "../options/index.js";
import { formatCell, type Mark, markCells, type Table } from "./table.js";

const MIN_COLUMN_WIDTH = "100.0".length;

/**
 * Aligned text. The best value is bold and the second underlined when `color` is on. Dataset names are
 * shortened until the table fits `width` characters.
 */
export function renderTerminal(table: Table, options: { color?: boolean; width?: number } = {}): string {
  checkOptions(options, { color: true, width: true }, "renderTerminal");
  const { color = false, width = Number.POSITIVE_INFINITY } = options;
  const style = (text: string, code: number) => (color ? `\x1b[${code}m${text}\x1b[0m` : text);
  const codes = { best: 1, second: 4 };
  const labelWidth = Math.max(table.rowHeader.length, ...table.rows.map(({ label }) => label.length));
  const texts = table.rows.map((row) =>
    table.columns.map((_, j) => {
      const { value, deviation } = formatCell(table, row, j);
      return deviation === undefined ? value : `${value} ± ${deviation}`;
    }),
  );
  const least = table.columns.map((_, j) =>
    Math.max(MIN_COLUMN_WIDTH, ...texts.map((row) => row[j]?.length ?? 0)),
  );
  const columns = shortenNames(table.columns, least, width - labelWidth);
  const cell = (text: string, j: number, mark?: Mark) => {
    const columnWidth = Math.max(columns[j]?.length ?? 0, least[j] as number);
    return " ".repeat(2 + columnWidth - text.length) + (mark ? style(text, codes[mark]) : text);
  };
  const header = table.rowHeader.padEnd(labelWidth) + columns.map((name, j) => cell(name, j)).join("");
  const marks = markCells(table);
  const body = table.rows.map(
    ({ label }, i) =>
      label.padEnd(labelWidth) + (texts[i] ?? []).map((text, j) => cell(text, j, marks[i]?.[j])).join(""),
  );
  return [style(table.title, 1), header, "─".repeat(header.length), ...body, ""].join("\n");
}

/** A GitHub-flavoured Markdown table; best **bold**, second underlined. */
export function renderMarkdown(table: Table): string {
  const literal = escapeMarkdown;
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const emphasis = { best: (text: string) => `**${text}**`, second: (text: string) => `<u>${text}</u>` };
  return [
    `**${literal(table.title)}**`,
    "",
    line([table.rowHeader, ...table.columns].map(literal)),
    line(["---", ...table.columns.map(() => "--:")]),
    ...printedRows(table, emphasis, (text) => ` ± ${text}`).map(({ label, cells }) =>
      line([literal(label), ...cells]),
    ),
    "",
  ].join("\n");
}

/** Text that Markdown shows as it is, in a line of its own or in a cell. */
export function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_|<>[\]]/g, "\\$&").replace(/\s+/g, " ");
}

/** A LaTeX `tabular` with `booktabs` rules; best in bold, second underlined. */
export function renderLatex(table: Table): string {
  const literal = escapeLatex;
  const line = (cells: string[]) => `${cells.join(" & ")} \\\\`;
  const emphasis = {
    best: (text: string) => `\\textbf{${text}}`,
    second: (text: string) => `\\underline{${text}}`,
  };
  return [
    `% ${table.title.replace(/\s+/g, " ")}`,
    `\\begin{tabular}{l${"r".repeat(table.columns.length)}}`,
    "\\toprule",
    line([literal(table.rowHeader), ...table.columns.map(latexHeading)]),
    "\\midrule",
    ...printedRows(table, emphasis, (text) => `\\,{\\tiny$\\pm$${text}}`).map(({ label, isBeside, cells }) =>
      line([
        (isBeside ? "\\quad " : "") + literal(label),
        ...cells.map((text) => text.replace("-", "$-$").replace("–", "--")),
      ]),
    ),
    "\\bottomrule",
    "\\end{tabular}",
    "",
  ].join("\n");
}

/** A line for each word of a name, so that values decide how wide a column is. */
function latexHeading(name: string): string {
  const words = name.split(/(?<=_)| /).map(escapeLatex);
  return words.length > 1 ? `\\shortstack[r]{${words.join("\\\\")}}` : (words[0] as string);
}

const latexCharacters: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "<": "\\textless{}",
  ">": "\\textgreater{}",
  "|": "\\textbar{}",
  "†": "\\textdagger{}",
  "±": "$\\pm$",
  "–": "--",
};

/** Text that LaTeX shows as it is, outside of formulas. */
export function escapeLatex(text: string): string {
  return text.replace(/[\\~^<>|†±–&%$#_{}]/g, (c) => latexCharacters[c] ?? `\\${c}`);
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
  return jsonText({ title: table.title, columns: table.columns, rows });
}

function printedRows(
  table: Table,
  emphasis: Record<"best" | "second", (text: string) => string>,
  afterValue: (deviation: string) => string,
) {
  const marks = markCells(table);
  return table.rows.map((row, i) => ({
    label: row.label,
    /** Whether it belongs to the row above. */
    isBeside: row.kind === "published" || row.kind === "difference",
    cells: table.columns.map((_, j) => {
      const mark = marks[i]?.[j];
      const { value, deviation } = formatCell(table, row, j);
      return (mark ? emphasis[mark](value) : value) + (deviation === undefined ? "" : afterValue(deviation));
    }),
  }));
}

/**
 * Cuts names at the longest common length with which all columns fit into `width`.
 * @param least widths that the columns' values need
 */
function shortenNames(names: string[], least: number[], width: number): string[] {
  for (let limit = Math.max(...names.map(({ length }) => length)); ; limit -= 1) {
    const shortened = names.map((name, j) => shorten(name, Math.max(limit, least[j] as number)));
    const total = shortened.reduce((sum, name, j) => sum + 2 + Math.max(name.length, least[j] as number), 0);
    if (total <= width || limit <= MIN_COLUMN_WIDTH) return shortened;
  }
}

function shorten(name: string, length: number): string {
  return name.length > length ? `${name.slice(0, length - 1)}…` : name;
}
