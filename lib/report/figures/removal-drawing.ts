import type { Configuration } from "./configurations.js";
import type { Row } from "./figure.js";
import { encoderScale, grey, ink, titled } from "./theme.js";

/** A panel for each measure; rows of panels are configurations. */
export function removalDrawing(
  title: string,
  notes: readonly string[],
  panels: { configuration: Configuration; rows: readonly Row[] }[],
): object {
  return {
    title: titled(title, notes),
    spacing: 30,
    vconcat: panels.map(({ configuration, rows }) => ({
      spacing: 24,
      hconcat: [
        panel(rows, "adaptation", ["adaptation:", `accuracy on ${configuration.datasets[0]} (%)`], true),
        panel(rows, "retention", ["retention: mean zero-shot", "accuracy on the others (%)"], false),
      ],
    })),
  };
}

const byModule = { field: "removed", type: "nominal", sort: null };

function panel(rows: readonly Row[], measure: string, axisTitle: string[], withLabels: boolean) {
  const values = rows
    .filter((row) => row.measure === measure)
    .map((row) => ({ ...row, text: signed(row.change as number) }));
  const x = (field: string) => ({
    field,
    type: "quantitative",
    scale: { zero: false, padding: 26 },
    axis: { title: axisTitle },
  });
  const rule = (field: string, strokeDash: number[], color: string) => ({
    data: { values: values.slice(0, 1) },
    mark: { type: "rule", strokeDash, color },
    encoding: { x: x(field) },
  });
  const axis = { title: withLabels ? "removed module" : null, labels: withLabels, ticks: false };
  const bars = {
    mark: { type: "bar", height: { band: 0.6 } },
    encoding: {
      y: { ...byModule, axis },
      x: x("nothingRemoved"),
      x2: { field: "accuracy" },
      color: { field: "encoder", type: "nominal", scale: encoderScale, legend: { title: "encoder" } },
    },
  };
  return {
    width: 290,
    height: { step: 19 },
    data: { values },
    layer: [
      bars,
      changes(">= 0", "+"),
      changes("< 0", "-"),
      deviations,
      rule("nothingRemoved", [1, 0], ink),
      rule("pretrained", [5, 4], grey),
    ],
  };
}

/** The change in points, behind the end of its bar and of its deviation. */
function changes(test: string, side: "+" | "-") {
  return {
    transform: [
      { filter: `datum.change ${test}` },
      { calculate: `datum.accuracy ${side} datum.std`, as: "end" },
    ],
    mark: {
      type: "text",
      align: side === "-" ? "right" : "left",
      dx: side === "-" ? -4 : 4,
      fontSize: 9,
      color: ink,
    },
    encoding: { y: byModule, x: { field: "end", type: "quantitative" }, text: { field: "text" } },
  };
}

/** One standard deviation to both sides. */
const deviations = {
  transform: [
    { filter: "datum.std > 0" },
    { calculate: "datum.accuracy - datum.std", as: "low" },
    { calculate: "datum.accuracy + datum.std", as: "high" },
  ],
  mark: { type: "rule", color: ink },
  encoding: { y: byModule, x: { field: "low", type: "quantitative" }, x2: { field: "high" } },
};

function signed(points: number): string {
  const rounded = Math.abs(points).toFixed(1);
  const sign = Number(rounded) === 0 ? "" : points < 0 ? "−" : "+";
  return sign + rounded;
}
