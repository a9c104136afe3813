import type { HoldOutMatrix } from "../../protocol/metrics.js";
import { type Html, html, raw } from "../html.js";
import type { Run } from "../run.js";
import type { SeriesStyle } from "../svg.js";
import { formatPercent } from "../table.js";

/** Each dataset's accuracy over the stream, one small figure per dataset. */
export function curvesSection(runs: Run[], labels: string[], styles: SeriesStyle[], figures: string[]): Html {
  const hasZeroShot = runs.some(({ accuracy }) => accuracy.zeroShot);
  return html`
    <section id="curves">
      <h2>Each dataset over the stream</h2>
      <p>Accuracy after each task. The shaded part begins with the task that learns the dataset: a line that falls
        there is forgetting; a line that falls before it is lost zero-shot ability.${hasZeroShot && " Task 0 is the model before training."}</p>
      <ul class="legend">
        ${labels.map((label, i) => html`<li>${swatch(styles[i])}${label}</li>`)}
      </ul>
      <div class="figures">
        ${figures.map((svg) => html`<figure>${raw(svg)}</figure>`)}
      </div>
    </section>`;
}

/** The accuracy matrix of every run as a heat map with values. */
export function matricesSection(runs: Run[], labels: string[]): Html {
  const hasHoldOuts = runs.some(({ accuracy }) => accuracy.holdOuts);
  const all = runs
    .flatMap(({ accuracy }) => [accuracy, accuracy.holdOuts ?? []].flat())
    .flatMap(({ matrix, zeroShot = [] }) => [...matrix.flat(), ...zeroShot]);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const shade = (value: number) => (high > low ? (value - low) / (high - low) : 0.5);
  return html`
    <section id="matrices">
      <h2>Accuracy matrices</h2>
      <p>Rows are tasks in order, columns the datasets they were tested on, values in percent. Outlined: the dataset just
        learned. Below the outline: what is remembered; above it: what is not learned yet.${hasHoldOuts && " Hold-outs are never learned."}
        Colours span ${formatPercent(low)} to ${formatPercent(high)} % in every matrix.</p>
      <div class="panels">
        ${runs.map(({ accuracy }, i) => matrixPanel(accuracy, accuracy.datasets, labels[i] as string, shade))}
        ${runs.map(
          ({ accuracy }, i) =>
            accuracy.holdOuts &&
            matrixPanel(accuracy.holdOuts, accuracy.datasets, `${labels[i]}, hold-outs`, shade),
        )}
      </div>
    </section>`;
}

/** @param tasks the datasets of the stream, one per row; a column of the same name is a dataset that is learned there */
function matrixPanel(
  { datasets, matrix, zeroShot }: HoldOutMatrix,
  tasks: string[],
  label: string,
  shade: (value: number) => number,
): Html {
  return html`
        <figure>
          <figcaption>${label}</figcaption>
          <div class="scroll" tabindex="0" role="region" aria-label="Accuracy matrix of ${label}">
            <table class="heat matrix">
              <thead><tr><th scope="col">after</th>${datasets.map((name) => html`<th scope="col"><span>${name}</span></th>`)}</tr></thead>
              <tbody>
                ${
                  zeroShot &&
                  html`<tr class="zero-shot"><th scope="row">zero-shot</th>${zeroShot.map((value, j) =>
                    heatCell(shade(value), formatPercent(value), `${datasets[j]} before training`),
                  )}</tr>`
                }
                ${matrix.map(
                  (row, t) => html`
                <tr><th scope="row">${tasks[t]}</th>${row.map((value, j) =>
                  heatCell(
                    shade(value),
                    formatPercent(value),
                    cellTitle(matrix, tasks, t, j, datasets[j] as string),
                    tasks[t] === datasets[j] ? "learned" : undefined,
                  ),
                )}</tr>`,
                )}
              </tbody>
            </table>
          </div>
        </figure>`;
}

/** A cell of a heat map; `shade` from 0 (lowest) to 1 (highest) also decides between dark and light text. */
export function heatCell(shade: number, text: string | number, title: string, kind?: string): Html {
  const classes = [shade > 0.57 && "high", kind].filter(Boolean).join(" ");
  return html`<td${raw(classes && ` class="${classes}"`)} style="--v:${shade.toFixed(3)}" title="${title}">${text}</td>`;
}

function cellTitle(matrix: number[][], tasks: string[], t: number, j: number, dataset: string): string {
  const value = matrix[t]?.[j] as number;
  const where = `${dataset} after task ${t + 1} (${tasks[t]}): ${formatPercent(value)} %`;
  const learnedAt = tasks.indexOf(dataset);
  if (learnedAt < 0) return `${where}, never learned`;
  if (t < learnedAt) return `${where}, not learned yet`;
  if (t === learnedAt) return `${where}, just learned`;
  const change = value - (matrix[learnedAt]?.[j] as number);
  return `${where}, ${change > 0 ? "+" : ""}${formatPercent(change)} points since it was learned`;
}

function swatch(style: SeriesStyle | undefined): Html {
  return html`<svg width="30" height="12" viewBox="-15 -6 30 12" aria-hidden="true" fill="${style?.color}" stroke="${style?.color}">
          <path d="M-15,0H15" stroke-width="2" stroke-dasharray="${style?.dash.join(" ")}"/><path d="${style?.marker}" stroke="none" transform="scale(3.5)"/></svg>`;
}
