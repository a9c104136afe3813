import { lineChart } from "../chart.js";
import { h } from "../dom.js";
import type { View } from "../selection.js";
import { seriesStyle, swatch } from "../style.js";
import type { Section } from "./section.js";

/** The training loss of every method over the stream, a line per seed. */
export const loss: Section = {
  id: "loss",
  name: "Loss",
  title: "Training loss",
  draw({ views }) {
    const trained = views.filter(({ runs }) => runs.some(({ losses }) => losses.length > 0));
    if (trained.length === 0) return null;
    const seeds = Math.max(...trained.map(({ runs }) => runs.length));
    return [
      h(
        "p",
        {},
        "Mean over neighbouring iterations; each vertical line starts a task",
        seeds > 1 && ", and each curve is a seed",
        ". Methods may minimise different losses: compare shapes, not heights.",
      ),
      h("div", { class: "panels" }, trained.map(figure)),
    ];
  },
};

function figure({ group, runs }: View): HTMLElement {
  const curves = runs.flatMap(({ losses, seed }) => losses.map((curve) => ({ ...curve, seed })));
  const points = curves.flatMap((curve) => curve.points);
  const end = Math.max(1, ...points.map(([step]) => step));
  const top = Math.max(0, ...points.map(([, value]) => value));
  const tasks = runs.find(({ losses }) => losses.length > 0)?.losses ?? [];
  const { color } = seriesStyle(group);
  return h(
    "figure",
    {},
    h("figcaption", {}, swatch(group), group.label),
    lineChart({
      key: `loss/${group.label}`,
      title: `Training loss of ${group.label} over the stream`,
      series: curves.map(({ points, seed }) => ({
        label: runs.length > 1 ? `seed ${seed}` : "loss",
        color,
        opacity: runs.length > 1 ? 0.6 : 1,
        points,
      })),
      x: { title: "iteration", domain: [0, end] },
      y: {
        title: "loss",
        domain: [Math.min(0, ...points.map(([, value]) => value)), top],
        format: formatLoss,
        tick: formatLoss,
      },
      describeX: (x) => {
        const task = tasks.findLast(({ start }) => start <= x);
        return `iteration ${Math.round(x).toLocaleString("en")}${task ? `, ${task.dataset}` : ""}`;
      },
      marks: tasks.map(({ start }, t) => ({ x: start, label: String(t + 1) })),
      size: { width: 480, height: 200 },
    }),
  );
}

function formatLoss(value: number): string {
  return Number(value.toPrecision(3)).toString();
}
