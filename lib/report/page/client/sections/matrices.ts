import { h } from "../dom.js";
import { percent, signed } from "../format.js";
import { type HeatCell, heatmap } from "../heatmap.js";
import type { Selection, View } from "../selection.js";
import type { MatrixSpread, Spread } from "../statistics.js";
import { swatch } from "../style.js";
import type { Section } from "./section.js";

let showsChange = false;

/**
 * Accuracy after every task on every dataset, one heat map per method on one scale, or its change from
 * zero-shot.
 */
export const matrices: Section = {
  id: "matrices",
  name: "Matrices",
  title: "Accuracy matrices",
  draw(selection) {
    const { views, data } = selection;
    const found = views.filter(({ accuracy }) => accuracy.zeroShot || accuracy.matrix.length > 0);
    if (found.length === 0) return null;
    const canCompare = found.some(({ accuracy }) => accuracy.zeroShot);
    const names = data.datasets.map(({ name }) => name);
    const holdOuts = data.holdOuts.map(({ name }) => name);
    return [
      h(
        "p",
        {},
        "Rows are tasks in order, columns the datasets they were tested on, values in percent. The outline marks the dataset just learned. ",
        "Below it is what is remembered, above it what is not learned yet.",
        holdOuts.length > 0 && " Hold-outs are never learned.",
      ),
      canCompare && scaleChoice(selection),
      h(
        "div",
        { class: "panels natural" },
        found.map((view) => panel(view, view.accuracy, names, names, view.group.label)),
        found.map(
          (view) =>
            view.holdOuts && panel(view, view.holdOuts, holdOuts, names, `${view.group.label}, hold-outs`),
        ),
      ),
    ];
  },
};

function scaleChoice(selection: Selection): HTMLElement {
  const choice = (label: string, isChange: boolean) =>
    h(
      "label",
      {},
      h("input", {
        type: "radio",
        name: "scale",
        checked: showsChange === isChange,
        "data-key": `scale/${label}`,
        change: () => {
          showsChange = isChange;
          selection.redraw();
        },
      }),
      h("span", {}, label),
    );
  return h(
    "fieldset",
    { class: "choice" },
    h("legend", {}, "Values"),
    choice("accuracy", false),
    choice("change from zero-shot", true),
  );
}

function panel(
  { group }: View,
  { zeroShot, matrix }: MatrixSpread,
  columns: string[],
  tasks: string[],
  label: string,
): HTMLElement {
  const isDiverging = showsChange && zeroShot !== null;
  const cell = (value: Spread, j: number, where: string, mark?: HeatCell["mark"]): HeatCell | null => {
    if (value.mean === null) return null;
    const before = zeroShot?.[j]?.mean ?? null;
    const change = before === null ? null : value.mean - before;
    const spreadText = value.deviation === null ? "" : ` ± ${percent(value.deviation)}`;
    return {
      text: isDiverging ? signed(change) : percent(value.mean),
      description: `${columns[j]} ${where}: ${percent(value.mean)}${spreadText} %`,
      shade: isDiverging ? (change ?? 0) : value.mean,
      mark,
    };
  };
  const rows = matrix.map((row, t) => ({
    label: `${t + 1} ${tasks[t]}`,
    cells: row.map((value, j) => {
      const learnedAt = tasks.indexOf(columns[j] as string);
      const where = `after task ${t + 1} (${tasks[t]})`;
      const found = cell(value, j, where, t === learnedAt ? "learned" : undefined);
      if (found) found.description += since(matrix, zeroShot, t, j, learnedAt);
      return found;
    }),
  }));
  const before = zeroShot && {
    label: "zero-shot",
    isBaseline: true,
    cells: zeroShot.map((value, j) => cell(value, j, "before training")),
  };
  return h(
    "figure",
    {},
    h("figcaption", {}, swatch(group), label),
    heatmap({
      key: `matrix/${label}`,
      label: `Accuracy matrix of ${label}`,
      corner: "after",
      columns,
      rows: before ? [before, ...rows] : rows,
      isDiverging,
      hasUprightColumns: true,
    }),
  );
}

/** The meaning of a value in the stream: kept, lost or not learned yet. */
function since(
  matrix: Spread[][],
  zeroShot: Spread[] | null,
  t: number,
  j: number,
  learnedAt: number,
): string {
  const value = matrix[t]?.[j]?.mean ?? 0;
  const before = zeroShot?.[j]?.mean;
  const change = typeof before === "number" ? `, ${signed(value - before)} from zero-shot` : "";
  if (learnedAt < 0) return `${change}; never learned`;
  if (t < learnedAt) return `${change}; not learned yet`;
  if (t === learnedAt) return `${change}; just learned`;
  const learned = matrix[learnedAt]?.[j]?.mean ?? value;
  return `${change}, ${signed(value - learned)} since it was learned`;
}
