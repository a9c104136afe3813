import { metricDescriptions } from "../../../metric-descriptions.js";
import type { MetricData, RunData } from "../../data.js";
import { h } from "../dom.js";
import { percent } from "../format.js";
import { summaryLines } from "../header.js";
import type { Selection, View } from "../selection.js";
import { type Spread, spread } from "../statistics.js";
import { seriesStyle, swatch } from "../style.js";
import type { Section } from "./section.js";

interface Column {
  title: string;
  hint: string;
  best: "highest" | "lowest";
  of: (run: RunData) => MetricData | null;
}

export const metricColumns: Column[] = [
  ...metricDescriptions.map(({ name, title, caption, best }) => ({
    title,
    hint: caption,
    best,
    of: ({ metrics }: RunData) => metrics?.[name] ?? null,
  })),
  {
    title: "Hold-outs",
    hint: "Accuracy on datasets that are never trained on, mean over the models after every task. Higher is better.",
    best: "highest",
    of: ({ holdOutMetric }) => holdOutMetric,
  },
];

interface Row {
  view: View;
  values: Spread[];
}

let sortedBy = "Average";

/** The metrics of every method, and in words what those shown gained and forgot. */
export const results: Section = {
  id: "results",
  name: "Results",
  title: "Results",
  draw(selection) {
    const { data } = selection;
    const columns = metricColumns.filter(({ of }) => data.runs.some(of));
    const rows = data.groups
      .map((group) => selection.view(group))
      .map((view) => ({
        view,
        values: columns.map(({ of }) => spread(view.runs.map((run) => of(run)?.overall))),
      }));
    return [
      columns.length > 0
        ? resultsTable(selection, columns, rows)
        : h("p", {}, "The metrics come when a stream is finished. Accuracies so far are below."),
      selection.views.length === 0 && h("p", {}, "No method is ticked: tick those that the page is to show."),
      data.groups.length > 1 &&
        h(
          "ul",
          { class: "outcomes" },
          selection.views.map(({ group }) =>
            h(
              "li",
              { "--series": seriesStyle(group).color },
              h("strong", {}, group.label),
              summaryLines(group.summary),
            ),
          ),
        ),
    ];
  },
};

function resultsTable(selection: Selection, columns: Column[], rows: Row[]): HTMLElement {
  const by = Math.max(
    0,
    columns.findIndex(({ title }) => title === sortedBy),
  );
  const sign = columns[by]?.best === "lowest" ? 1 : -1;
  const value = ({ values }: Row): number => sign * (values[by]?.mean ?? -sign * Number.MAX_VALUE);
  const sorted = rows.toSorted((a, b) => value(a) - value(b));
  const seeds = Math.max(...rows.map(({ view }) => view.runs.length));
  const isCompared = rows.length > 1;
  return h(
    "div",
    {},
    h(
      "p",
      {},
      "Mean over the datasets, in percent",
      seeds > 1 && `, ± standard deviation over ${seeds} seeds`,
      ". ",
      isCompared && "Best in bold, second underlined. Ticked methods are shown below.",
    ),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "Metrics of every method" },
      h(
        "table",
        { class: "results" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, "Method"),
            columns.map((column, j) => sortHeader(selection, column, isCompared, j === by)),
          ),
        ),
        h(
          "tbody",
          {},
          sorted.map((row) => resultRow(selection, columns, rows, row)),
        ),
      ),
    ),
  );
}

function sortHeader(selection: Selection, column: Column, canSort: boolean, isSorted: boolean): HTMLElement {
  const { title, hint, best } = column;
  if (!canSort) return h("th", { scope: "col", title: hint }, title);
  const sort = (): void => {
    sortedBy = title;
    selection.redraw();
  };
  const direction = best === "lowest" ? "ascending" : "descending";
  return h(
    "th",
    { scope: "col", title: hint, "aria-sort": isSorted ? direction : null },
    h("button", { type: "button", class: "sort", click: sort, "data-key": `sort/${title}` }, title),
    isSorted && h("span", { "aria-hidden": "true" }, best === "lowest" ? " ↑" : " ↓"),
  );
}

function resultRow(selection: Selection, columns: Column[], rows: Row[], { view, values }: Row): HTMLElement {
  const { group } = view;
  const isCompared = rows.length > 1;
  const show = (event: Event): void => selection.show(group, (event.target as HTMLInputElement).checked);
  return h(
    "tr",
    { "--series": seriesStyle(group).color },
    h(
      "th",
      { scope: "row" },
      h(
        "label",
        {},
        isCompared &&
          h("input", {
            type: "checkbox",
            checked: selection.isShown(group),
            change: show,
            "data-key": `show/${group.label}`,
            "aria-label": `show ${group.label} below`,
          }),
        swatch(group),
        group.label,
      ),
    ),
    columns.map((column, j) => {
      const place = rank(
        rows.map((row) => row.values[j]?.mean ?? null),
        values[j]?.mean ?? null,
        column.best,
      );
      return metricCell(values[j] as Spread, isCompared ? place : undefined);
    }),
  );
}

function metricCell({ mean, deviation }: Spread, place: "best" | "second" | undefined): HTMLElement {
  return h(
    "td",
    {},
    h("span", { class: place ?? null }, percent(mean)),
    deviation !== null && h("small", {}, ` ± ${percent(deviation)}`),
    h("i", { class: "bar", "--v": Math.min(Math.max(mean ?? 0, 0), 1).toFixed(3) }),
  );
}

/** The place of a value among printed ones; equal values share a place. */
export function rank(
  values: (number | null)[],
  value: number | null,
  best: "highest" | "lowest",
): "best" | "second" | undefined {
  if (value === null) return undefined;
  const known = values.filter((other) => other !== null).sort((a, b) => (best === "highest" ? b - a : a - b));
  const [first, second] = new Set(known.map(percent));
  const own = percent(value);
  return own === first ? "best" : own === second ? "second" : undefined;
}
