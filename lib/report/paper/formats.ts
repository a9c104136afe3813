import { jsonText } from "../../files/index.js";
import { csvLines } from "../csv.js";
import { Html, html } from "../html.js";
import { formatCell, markCells, type Table } from "../table.js";
import { escapeLatex, escapeMarkdown, renderLatex, renderMarkdown } from "../table-formats.js";
import { differences, type MissingRuns, type PaperTable, type TablePart, toTable } from "./paper-table.js";

/** A document of tables in each format. */
export const tableFormats = {
  md: { extension: ".md", render: renderMarkdownTables },
  latex: { extension: ".tex", render: renderLatexTables },
  csv: { extension: ".csv", render: renderCsvTables },
  json: { extension: ".json", render: renderJsonTables },
  html: { extension: ".html", render: renderHtmlTables },
} as const;

export type TableFormat = keyof typeof tableFormats;

/** How a row lacks runs, in one line. */
export function describeMissingRuns({ label, seeds, command }: MissingRuns): string {
  return `${label}${seeds.length > 0 ? `, seed${seeds.length > 1 ? "s" : ""} ${seeds.join(", ")}` : ""}: ${command}`;
}

function heading({ number, title }: PaperTable): string {
  return `Table ${number}: ${title}`;
}

function renderMarkdownTables(tables: readonly PaperTable[]): string {
  return tables
    .map((table) => {
      const parts = table.parts.map((part) => renderMarkdown(toTable(part)));
      const notes = table.notes.map((note) => `- ${escapeMarkdown(note)}\n`).join("");
      const missing = table.missing.map((runs) => `    ${describeMissingRuns(runs)}\n`).join("");
      return [
        `## ${escapeMarkdown(heading(table))}\n\n${escapeMarkdown(table.caption)}\n`,
        ...parts,
        ...(notes ? [notes] : []),
        ...(missing ? [`Missing runs, each with the command for its first seed:\n\n${missing}`] : []),
      ].join("\n");
    })
    .join("\n");
}

/**
 * For a document that loads `booktabs`. Each part is a table of its own: together they are longer than a
 * page.
 */
function renderLatexTables(tables: readonly PaperTable[]): string {
  return tables
    .map((table) => {
      const lines = [...table.notes, ...table.missing.map((runs) => `Missing: ${describeMissingRuns(runs)}`)];
      const comments = lines.map((line) => `% ${line.replace(/\s+/g, " ")}\n`).join("");
      return comments + table.parts.map((part, i) => latexFloat(table, part, i)).join("\n");
    })
    .join("\n");
}

function latexFloat({ title, caption, name, parts }: PaperTable, part: TablePart, i: number): string {
  const label = parts.length > 1 ? `${name}-${i + 1}` : name;
  return [
    "\\begin{table*}[p]",
    "\\centering\\scriptsize\\setlength{\\tabcolsep}{2pt}",
    `\\caption{${escapeLatex(`${title}. ${part.title}. ${caption}`)}}`,
    `\\label{tab:${label}}`,
    // centred on the page even where the page's text is narrower
    `\\makebox[\\linewidth][c]{${renderLatex(toTable(part)).trimEnd()}}`,
    "\\end{table*}",
    "",
  ].join("\n");
}

/** One line per number; accuracies as fractions, not rounded. */
function renderCsvTables(tables: readonly PaperTable[]): string {
  const header = ["table", "part", "method", "column", "mean", "std", "seeds", "paper", "difference"];
  const lines = tables.flatMap(({ name, parts }) =>
    parts.flatMap(({ title, columns, rows }) =>
      rows.flatMap((row) => {
        const change = differences(row);
        return columns.map((column, j) => {
          const { mean, std } = row.ours[j] ?? {};
          return [name, title, row.method, column, mean, std, row.seeds.join(" "), row.paper[j], change[j]];
        });
      }),
    ),
  );
  return csvLines([header, ...lines]);
}

/** Accuracies as fractions, not rounded; `null` where there is no value. */
function renderJsonTables(tables: readonly PaperTable[]): string {
  const plain = tables.map((table) => ({
    ...table,
    parts: table.parts.map(({ title, columns, rows }) => ({
      title,
      columns,
      rows: rows.map((row) => ({
        method: row.method,
        label: row.label,
        seeds: row.seeds,
        values: columns.map((_, j) => ({
          mean: row.ours[j]?.mean ?? null,
          std: row.ours[j]?.std ?? null,
          paper: row.paper[j] ?? null,
          difference: differences(row)[j] ?? null,
        })),
      })),
    })),
  }));
  return jsonText(plain);
}

/** One page without anything from elsewhere. */
function renderHtmlTables(tables: readonly PaperTable[]): string {
  const style = new Html(`<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 88rem; margin: 2rem auto; padding: 0 1rem; }
p, ul { max-width: 60rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
caption { text-align: left; font-weight: 600; font-size: 1rem; padding: .75rem 0 .25rem; }
th, td { padding: .1rem .45rem; text-align: right; }
th:first-child { position: sticky; left: 0; background: Canvas; text-align: left; }
thead { border-block: 2px solid; border-bottom-width: 1px; }
tbody { border-bottom: 2px solid; }
tbody tr:is(.measured, .missing) { border-top: 1px solid color-mix(in srgb, CanvasText 15%, Canvas); }
:is(.published, .difference) th { padding-left: 1.2rem; font-weight: 400; }
small, .published, .difference { color: color-mix(in srgb, CanvasText 75%, Canvas); }
code { overflow-wrap: anywhere; }
</style>`);
  const sections = tables.map(
    (table) => html`<section>
<h2>${heading(table)}</h2>
<p>${table.caption}</p>
${table.parts.map((part) => htmlTable(toTable(part)))}
${table.notes.map((note) => html`<p>${note}</p>`)}
${
  table.missing.length > 0 &&
  html`<p>Missing runs, each with the command for its first seed:</p>
<ul>${table.missing.map((runs) => html`<li><code>${describeMissingRuns(runs)}</code></li>`)}</ul>`
}
</section>
`,
  );
  return html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Tables</title>${style}</head>
<body>
${sections}</body>
</html>
`.text;
}

function htmlTable(table: Table): Html {
  const marks = markCells(table);
  const emphasis = {
    best: (text: string) => html`<b>${text}</b>`,
    second: (text: string) => html`<u>${text}</u>`,
  };
  const cell = (i: number, j: number) => {
    const { value: text, deviation } = formatCell(table, table.rows[i] as Table["rows"][number], j);
    const value = text.replace("-", "−");
    const mark = marks[i]?.[j];
    return html`<td>${mark ? emphasis[mark](value) : value}${deviation !== undefined && html` <small>± ${deviation}</small>`}</td>`;
  };
  return html`<div class="scroll" tabindex="0"><table>
<caption>${table.title}</caption>
<thead><tr><th scope="col">${table.rowHeader}</th>${table.columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>
${table.rows.map(
  ({ label, kind = "measured" }, i) =>
    html`<tr class="${kind}"><th scope="row">${label}</th>${table.columns.map((_, j) => cell(i, j))}</tr>\n`,
)}</tbody>
</table></div>
`;
}
