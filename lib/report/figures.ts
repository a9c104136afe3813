import type { TopLevelSpec } from "vega-lite";
import type { MetricName } from "../protocol/metrics.js";
import { type Run, runLabels, type TrainingStep } from "./run.js";
import { paletteCss, renderSvg, type SeriesStyle, seriesStyles } from "./svg.js";
import { formatPercent, metricDescriptions } from "./table.js";

/** The metrics drawn as bars: those where longer is better. */
const BAR_METRICS = metricDescriptions.filter(({ best }) => best === "highest");
const MAX_LOSS_POINTS = 240;

/**
 * A compact figure that stands alone: Transfer, Average and Last of every run, as bars with their values in percent.
 * It follows the reader's colour scheme.
 */
export async function resultsSvg(runs: Run[]): Promise<string> {
  const hconcat = BAR_METRICS.map(({ name }, i) => metricBars(runs, name, { withLabels: i === 0 }));
  const svg = await renderSvg(
    { hconcat, spacing: 36 } as TopLevelSpec,
    "Transfer, Average and Last of each method",
  );
  return svg.replace(/<svg [^>]*>/, (start) => `${start}<style>${paletteCss(":root")}</style>`);
}

/** One figure per metric of `resultsSvg`, for pages that arrange them by the width they have. */
export function resultFigures(runs: Run[]): Promise<string[]> {
  return Promise.all(
    BAR_METRICS.map(({ name, title }) => renderSvg(metricBars(runs, name, { withLabels: true }), title)),
  );
}

/** One figure per dataset: its accuracy after each task, a line per run; shaded from the task that learns it. */
export function accuracyFigures(runs: Run[], datasets: string[]): Promise<string[]> {
  const labels = runLabels(runs);
  const all = runs.flatMap(({ accuracy }) => [...accuracy.matrix, accuracy.zeroShot ?? []].flat());
  const domain = [Math.floor(10 * Math.min(...all)) * 10, Math.ceil(10 * Math.max(...all)) * 10];
  const firstTask = runs.some(({ accuracy }) => accuracy.zeroShot) ? 0 : 1;
  const tasks = Array.from({ length: datasets.length + 1 - firstTask }, (_, i) => firstTask + i);
  const x = {
    field: "task",
    type: "quantitative",
    scale: { domain: [firstTask, datasets.length], nice: false },
    axis: { values: tasks, format: "d", title: "task", grid: false, labelOverlap: false },
  };
  const y = {
    field: "accuracy",
    type: "quantitative",
    scale: { domain, zero: false },
    axis: { title: null, tickCount: 4, labelExpr: "datum.label + ' %'" },
  };
  return Promise.all(
    datasets.map((dataset, j) => {
      const values = runs.flatMap(({ accuracy }, i) => {
        const rows = accuracy.matrix.map((row, t) => ({ task: t + 1, accuracy: row[j] as number }));
        if (accuracy.zeroShot) rows.unshift({ task: 0, accuracy: accuracy.zeroShot[j] as number });
        return rows.map(({ task, accuracy }) => ({ task, accuracy: 100 * accuracy, run: labels[i] }));
      });
      const learned = { values: [{ task: j + 1, end: datasets.length }] };
      const spec = {
        title: dataset,
        width: 280,
        height: 150,
        layer: [
          {
            data: learned,
            mark: { type: "rect", color: "var(--tint)" },
            encoding: { x, x2: { field: "end" } },
          },
          { data: learned, mark: { type: "rule", color: "var(--muted)" }, encoding: { x } },
          {
            data: { values },
            encoding: { x, y, ...seriesEncoding(runs, labels) },
            mark: { type: "line", strokeWidth: 2, point: { size: 40, filled: true, strokeWidth: 0 } },
          },
        ],
      };
      return renderSvg(spec as TopLevelSpec, `Accuracy on ${dataset} after each task`);
    }),
  );
}

/** The training loss of one run over all its steps, with a mark where each task starts. */
export function lossFigure(run: Run, datasets: string[], color: string): Promise<string> {
  const width = 440;
  const { points, tasks } = lossCurve(run.steps);
  const end = points.at(-1)?.step ?? 0;
  const x = { field: "step", type: "quantitative", scale: { domain: [0, end], nice: false } };
  const spec = {
    width,
    height: 130,
    layer: [
      {
        data: {
          values: tasks.map(({ task, start }) => ({
            step: start,
            name: datasets[task] ?? `task ${task + 1}`,
          })),
        },
        encoding: { x: { ...x, axis: { title: "training step", grid: false, tickCount: 5 } } },
        layer: [
          { mark: { type: "rule", color: "var(--line)" } },
          {
            mark: {
              type: "text",
              align: "left",
              baseline: "bottom",
              dx: 3,
              y: -3,
              fontSize: 10,
              limit: width / tasks.length - 6,
              color: "var(--muted)",
            },
            encoding: { text: { field: "name" } },
          },
        ],
      },
      {
        data: { values: points },
        mark: { type: "line", strokeWidth: 1.5, color },
        encoding: {
          x,
          y: { field: "loss", type: "quantitative", axis: { title: "loss", tickCount: 4 } },
          detail: { field: "task" },
        },
      },
    ],
  };
  return renderSvg(spec as TopLevelSpec, "Training loss over the stream");
}

function metricBars(runs: Run[], metric: MetricName, options: { withLabels: boolean }): TopLevelSpec {
  const labels = runLabels(runs);
  const values = runs.map(({ metrics }, i) => {
    const overall = metrics?.[metric].overall;
    return { run: labels[i], value: 100 * (overall ?? 0), text: formatPercent(overall) };
  });
  const axis = {
    title: null,
    ticks: false,
    domain: false,
    labelColor: "var(--ink)",
    labelFontSize: 12,
    labelLimit: 150,
  };
  const { color } = seriesEncoding(runs, labels);
  return {
    title: `${metricDescriptions.find(({ name }) => name === metric)?.title} (%)`,
    width: 200,
    height: { step: 24 },
    data: { values },
    encoding: {
      y: { field: "run", type: "nominal", sort: null, axis: options.withLabels ? axis : null },
      x: { field: "value", type: "quantitative", scale: { domain: [0, 100] }, axis: null },
    },
    layer: [
      { mark: { type: "bar", height: { band: 0.68 } }, encoding: { color } },
      {
        mark: { type: "text", align: "left", dx: 5, fontSize: 12, color: "var(--ink)" },
        encoding: { text: { field: "text" } },
      },
    ],
  } as TopLevelSpec;
}

function seriesEncoding(runs: Run[], labels: string[]) {
  const styles = seriesStyles(runs);
  const channel = (property: keyof SeriesStyle) => ({
    field: "run",
    type: "nominal",
    legend: null,
    scale: { domain: labels, range: styles.map((style) => style[property]) },
  });
  return { color: channel("color"), strokeDash: channel("dash"), shape: channel("marker") };
}

/** Losses over the whole stream, averaged over neighbouring steps of a task to a number of points a page can carry. */
function lossCurve(steps: TrainingStep[]) {
  const perPoint = Math.ceil(steps.length / MAX_LOSS_POINTS);
  const points: { task: number; step: number; loss: number }[] = [];
  const tasks: { task: number; start: number }[] = [];
  let start = 0;
  for (const task of new Set(steps.map((step) => step.task))) {
    const ofTask = steps.filter((step) => step.task === task);
    tasks.push({ task, start });
    for (let i = 0; i < ofTask.length; i += perPoint) {
      const finite = ofTask
        .slice(i, i + perPoint)
        .flatMap(({ step, loss }) => (loss === null ? [] : [{ step, loss }]));
      if (finite.length === 0) continue;
      const average = (key: "step" | "loss") =>
        finite.reduce((sum, point) => sum + point[key], 0) / finite.length;
      points.push({ task, step: start + average("step"), loss: average("loss") });
    }
    start += (ofTask.at(-1) as TrainingStep).step + 1;
  }
  return { points, tasks };
}
