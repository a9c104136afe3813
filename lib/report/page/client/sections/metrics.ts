import { h } from "../dom.js";
import { percent } from "../format.js";
import type { Selection } from "../selection.js";
import { spread } from "../statistics.js";
import { seriesStyle } from "../style.js";
import { metricColumns, rank } from "./results.js";
import type { Section } from "./section.js";

/** One table per metric: a row per method, a column per dataset. */
export const metrics: Section = {
  id: "metrics",
  name: "Metrics",
  title: "Metrics",
  draw(selection) {
    const { data } = selection;
    const tables = metricColumns.filter(({ of }) => data.runs.some(of));
    const isEmpty = tables.length === 0 || selection.views.length === 0;
    return isEmpty ? null : tables.map((metric) => metricTable(selection, metric));
  },
};

function metricTable(
  selection: Selection,
  { title, hint, best, of }: (typeof metricColumns)[number],
): HTMLElement {
  const { data, views } = selection;
  const names = (title === "Hold-outs" ? data.holdOuts : data.datasets).map(({ name }) => name);
  const rows = views.map(({ group, runs }) => {
    const found = runs.map((run) => of(run));
    const columns = names.map((_, j) => spread(found.map((metric) => metric?.columns[j])));
    return { group, values: [...columns, spread(found.map((metric) => metric?.overall))] };
  });
  return h(
    "div",
    {},
    h("h3", {}, title),
    h("p", {}, hint),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": `${title} on every dataset` },
      h(
        "table",
        { class: "metrics" },
        h(
          "thead",
          {},
          h("tr", {}, [["Method", ...names, "Mean"].map((name) => h("th", { scope: "col" }, name))]),
        ),
        h(
          "tbody",
          {},
          rows.map(({ group, values }) =>
            h(
              "tr",
              { "--series": seriesStyle(group).color },
              h("th", { scope: "row" }, group.label),
              values.map(({ mean, deviation }, j) => {
                const place = rank(
                  rows.map((row) => row.values[j]?.mean ?? null),
                  mean,
                  best,
                );
                const isMarked = rows.length > 1 && place;
                const title = deviation === null ? null : `± ${percent(deviation)}`;
                return h("td", { title }, h("span", { class: isMarked || null }, percent(mean)));
              }),
            ),
          ),
        ),
      ),
    ),
  );
}
