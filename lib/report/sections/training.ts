import { type Html, html, raw } from "../html.js";
import type { RankHistory, Run } from "../run.js";
import { heatCell } from "./accuracy.js";

/** Loss curves; `figures[i]` belongs to `labels[i]` and is `false` for methods that do not train. */
export function lossSection(labels: string[], figures: (string | false)[]): Html {
  return html`
    <section id="loss">
      <h2>Training loss</h2>
      <p>Mean over neighbouring steps; a vertical line marks the start of each task.</p>
      <div class="panels">
        ${figures.map((svg, i) => svg && html`<figure><figcaption>${labels[i]}</figcaption>${raw(svg)}</figure>`)}
      </div>
    </section>`;
}

/** How many ranks of every adapted matrix are active after each task, for the runs that have adapters. */
export function ranksSection(runs: Run[], labels: string[]): Html {
  return html`
    <section id="ranks">
      <h2>Active ranks</h2>
      <p>Ranks with a non-zero importance weight after each task, per adapted matrix: rows are the projections of a
        layer, columns the layers from input to output. Inactive ranks change nothing and are dropped when merging.</p>
      ${runs.map(({ ranks }, i) => ranks && rankPanels(ranks, labels[i] as string))}
    </section>`;
}

function rankPanels(ranks: RankHistory, label: string): Html {
  const total = ranks.rank * ranks.modules.length;
  const heading = html`
      <h3>${label} <small>rank ${ranks.rank} in ${ranks.modules.length} matrices</small></h3>`;
  if (ranks.tasks.every(({ active }) => active.every((n) => n === ranks.rank))) {
    return html`${heading}
      <p>All ${total.toLocaleString("en")} ranks are active after every task.</p>`;
  }
  return html`${heading}
      <div class="panels">
        ${ranks.tasks.map(({ dataset, active }) => {
          const sum = active.reduce((a, b) => a + b, 0);
          const share = `${sum.toLocaleString("en")} of ${total.toLocaleString("en")} active (${Math.round((100 * sum) / total)} %)`;
          return html`
        <figure>
          <figcaption>${dataset} <small>${share}</small></figcaption>
          <div class="scroll encoders" tabindex="0" role="region" aria-label="Active ranks of ${label} after ${dataset}">
            ${(["vision", "text"] as const).map((encoder) => rankTable(ranks, active, encoder))}
          </div>
        </figure>`;
        })}
      </div>`;
}

function rankTable(ranks: RankHistory, active: number[], encoder: "vision" | "text"): Html | undefined {
  const modules = ranks.modules.map((module, i) => ({ ...module, active: active[i] as number }));
  const ofEncoder = modules.filter((module) => module.encoder === encoder);
  if (ofEncoder.length === 0) return undefined;
  const layers = [...new Set(ofEncoder.map(({ layer }) => layer))].sort((a, b) => a - b);
  const targets = [...new Set(ofEncoder.map(({ target }) => target))];
  return html`
            <table class="heat ranks">
              <thead><tr><th scope="col">${encoder}</th>${layers.map((layer) => html`<th scope="col">${layer + 1}</th>`)}</tr></thead>
              <tbody>
                ${targets.map(
                  (target) => html`
                <tr><th scope="row">${target}</th>${layers.map((layer) => {
                  const module = ofEncoder.find((m) => m.layer === layer && m.target === target);
                  return module
                    ? heatCell(
                        module.active / ranks.rank,
                        module.active,
                        `${module.name}: ${module.active} of ${ranks.rank}`,
                      )
                    : html`<td></td>`;
                })}</tr>`,
                )}
              </tbody>
            </table>`;
}
