import { type Html, html, raw } from "../html.js";
import type { Run } from "../run.js";
import { describeRun } from "../summary.js";
import type { SeriesStyle } from "../svg.js";
import { formatValue, markCells, metricTables, type Table } from "../table.js";

/** What each run gained and forgot in words, and the three metrics at a glance. */
export function resultsSection(
  runs: Run[],
  labels: string[],
  styles: SeriesStyle[],
  figures: string[],
): Html {
  return html`
    <section id="results">
      <h2>Results</h2>
      <ul class="outcomes">
        ${runs.map(
          (run, i) => html`
        <li style="--series:${styles[i]?.color}"><strong>${labels[i]}</strong> ${describeRun(run)}</li>`,
        )}
      </ul>
      ${figures.length > 0 && html`<div class="figures">${figures.map((svg) => html`<figure>${raw(svg)}</figure>`)}</div>`}
    </section>`;
}

/** One table per metric; best in bold, second underlined. */
export function metricsSection(runs: Run[], styles: SeriesStyle[]): Html {
  return html`
    <section id="metrics">
      <h2>Metrics</h2>
      <p>Per dataset and on average, in percent.${runs.length > 1 && " Best in bold, second underlined."}
        <em>Mean</em> is the unweighted mean of the datasets that have a value.</p>
      ${metricTables(runs).map((table) => metricTable(table, styles))}
    </section>`;
}

function metricTable(table: Table, styles: SeriesStyle[]): Html {
  const marks = markCells(table);
  return html`
      <h3>${table.title}</h3>
      <p class="caption">${table.caption}</p>
      <div class="scroll" tabindex="0" role="region" aria-label="${table.title} table">
        <table class="metrics">
          <thead><tr><th scope="col">${table.rowHeader}</th>${table.columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
          <tbody>
            ${table.rows.map(
              ({ label, values }, i) => html`
            <tr><th scope="row" style="--series:${styles[i]?.color}">${label}</th>${values.map(
              (value, j) =>
                html`<td${raw(marks[i]?.[j] ? ` class="${marks[i]?.[j]}"` : "")}>${formatValue(table, value, j)}</td>`,
            )}</tr>`,
            )}
          </tbody>
        </table>
      </div>`;
}
