import { type LineChart, lineChart } from "../chart.js";
import { h } from "../dom.js";
import { percent } from "../format.js";
import type { Selection, View } from "../selection.js";
import type { MatrixSpread } from "../statistics.js";
import { seriesStyle, swatch } from "../style.js";
import type { Section } from "./section.js";

/** The accuracy on each dataset after every task, a line per method; hold-outs come last. */
export const curves: Section = {
  id: "curves",
  name: "Datasets",
  title: "Datasets over the stream",
  draw(selection) {
    const { views, data } = selection;
    if (!views.some(({ accuracy }) => accuracy.matrix.length > 0)) return null;
    const hasZeroShot = views.some(({ accuracy }) => accuracy.zeroShot);
    return [
      h(
        "p",
        {},
        "Lines are the accuracy after each task. The shaded part begins with the task that learns the dataset. ",
        "A line that falls there shows forgetting, one that falls before it lost zero-shot ability.",
        hasZeroShot && " Task 0 is the model before training.",
        data.holdOuts.length > 0 && " Hold-outs are never learned.",
      ),
      h(
        "ul",
        { class: "legend" },
        views.map(({ group }) => h("li", {}, swatch(group), group.label)),
      ),
      h(
        "div",
        { class: "figures" },
        data.datasets.map(({ name }, j) => figure(selection, name, j, ({ accuracy }) => accuracy, j)),
        data.holdOuts.map(({ name }, j) => figure(selection, name, j, ({ holdOuts }) => holdOuts)),
      ),
    ];
  },
};

function figure(
  { views, data }: Selection,
  name: string,
  column: number,
  of: (view: View) => MatrixSpread | null,
  learnedBy?: number,
): HTMLElement {
  const tasks = data.datasets.length;
  const first = views.some((view) => of(view)?.zeroShot) ? 0 : 1;
  const series = views.flatMap((view) => {
    const found = of(view);
    if (!found) return [];
    const rows = found.matrix.map((row, t) => [t + 1, row[column]?.mean] as const);
    const points = [[0, found.zeroShot?.[column]?.mean] as const, ...rows].filter(
      (point): point is [number, number] => typeof point[1] === "number",
    );
    return [{ label: view.group.label, ...seriesStyle(view.group), points }];
  });
  const chart: LineChart = {
    key: `curve/${name}`,
    title: `Accuracy on ${name} after each task`,
    series,
    x: {
      title: "after task",
      domain: [first, tasks],
      ticks: Array.from({ length: tasks + 1 - first }, (_, i) => first + i),
    },
    y: {
      title: "",
      domain: [0, 1],
      format: (value) => `${percent(value)} %`,
      tick: (value) => `${Math.round(100 * value)} %`,
    },
    describeX: (x) =>
      x === 0 ? `${name}, before training` : `${name}, after task ${x} (${data.datasets[x - 1]?.name})`,
    shaded: learnedBy === undefined ? undefined : [learnedBy + 1, tasks],
  };
  return h(
    "figure",
    {},
    h("figcaption", {}, name, learnedBy === undefined && h("small", {}, " hold-out")),
    lineChart(chart),
  );
}
