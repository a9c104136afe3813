import type { Row } from "./figure.js";
import type { Study } from "./studies.js";
import { ink, markers, okabeIto, titled } from "./theme.js";

/** Contents of a row of panels: measures of one unit, each in its own colour and shape. */
interface Quantity {
  readonly unit: string;
  readonly title: string | string[];
  readonly height: number;
  readonly legend: string;
  readonly measures: readonly string[];
  readonly colors: readonly string[];
  readonly shapes: readonly string[];
  readonly dashes: readonly (readonly number[])[];
}

const quantities: readonly Quantity[] = [
  {
    unit: "percent",
    title: "accuracy (%)",
    height: 190,
    legend: "measure",
    measures: ["Transfer", "Average", "Last"],
    colors: okabeIto,
    shapes: markers,
    dashes: [
      [1, 0],
      [5, 3],
      [2, 2],
    ],
  },
  {
    unit: "ranks",
    title: ["activated ranks", "per matrix"],
    height: 120,
    legend: "kept ranks",
    measures: ["measured", "predicted"],
    colors: [ink, okabeIto[5]],
    shapes: ["circle", "square"],
    dashes: [
      [1, 0],
      [5, 3],
    ],
  },
];

/** One column for each study, and accuracies above ranks. */
export function ablationDrawing(
  title: string,
  notes: readonly string[],
  panels: { study: Study; rows: readonly Row[] }[],
): object {
  return {
    title: titled(title, notes),
    columns: panels.length,
    spacing: { row: 18, column: 30 },
    concat: quantities.flatMap((quantity) =>
      panels.map(({ study, rows }, i) =>
        panel(study, rows, quantity, {
          domain: domainOf(
            panels.flatMap(({ rows }) => rows),
            quantity,
          ),
          isFirst: i === 0,
          hasLegend: i === panels.length - 1,
        }),
      ),
    ),
    resolve: { scale: { color: "independent", shape: "independent", strokeDash: "independent" } },
  };
}

/** One scale for all panels of a quantity, so that they compare. */
function domainOf(rows: readonly Row[], { unit }: Quantity): [low: number, high: number] {
  const ends = rows
    .filter((row) => row.unit === unit)
    .flatMap(({ mean, std }) => [Number(mean) - Number(std), Number(mean) + Number(std)]);
  return [unit === "ranks" ? 0 : Math.min(...ends), Math.max(...ends)];
}

function panel(
  study: Study,
  rows: readonly Row[],
  { unit, title, height, legend, measures, colors, shapes, dashes }: Quantity,
  { domain, isFirst, hasLegend }: { domain: [number, number]; isFirst: boolean; hasLegend: boolean },
) {
  const isRanks = unit === "ranks"; // the lower panel, which carries the axis of both
  const y = {
    field: "mean",
    type: "quantitative",
    scale: { zero: isRanks, domain, nice: true },
    axis: { title: isFirst ? title : null, tickCount: 5 },
  };
  const byMeasure = (range: readonly unknown[]) => ({
    field: "measure",
    type: "nominal",
    scale: { domain: measures, range },
    legend: hasLegend ? { title: legend, symbolDash: [1, 0], symbolStrokeWidth: 0 } : null,
  });
  const [color, shape, strokeDash] = [colors, shapes, dashes].map(byMeasure);
  const line = { mark: { type: "line", strokeWidth: 1.5 }, encoding: { y, color, strokeDash } };
  const points = (filter: string, size: number) => ({
    transform: [{ filter }],
    mark: { type: "point", size, filled: true, opacity: 1 },
    encoding: { y, color, shape },
  });
  return {
    width: study.scale === "category" ? { step: 86 } : 300,
    height,
    data: { values: rows.filter((row) => row.unit === unit) },
    transform: [
      { calculate: "datum.mean - datum.std", as: "low" },
      { calculate: "datum.mean + datum.std", as: "high" },
    ],
    encoding: { x: axisOf(study, rows, isRanks) },
    layer: [
      ...(study.scale === "category" ? [] : [line]), // categories have no order to follow
      points("datum.measure === 'predicted'", 120),
      {
        mark: { type: "rule", strokeWidth: 1.5 },
        encoding: { y: { ...y, field: "low" }, y2: { field: "high" }, color },
      },
      points("datum.measure !== 'predicted'", 50),
    ],
  };
}

function axisOf({ scale, title }: Study, rows: readonly Row[], isLabelled: boolean) {
  const values = [...new Set(rows.map(({ value }) => value))];
  const labels = isLabelled ? { title } : { title: null, labels: false };
  if (scale === "category") {
    const labelExpr = "split(datum.label, ', ')"; // one line per encoder and group of matrices
    return { field: "value", type: "nominal", sort: values, axis: { ...labels, labelAngle: 0, labelExpr } };
  }
  const type = scale === "log2" ? { type: "log", base: 2, nice: false } : { zero: false };
  return {
    field: "value",
    type: "quantitative",
    scale: { ...type, padding: 12 },
    axis: { ...labels, values, labelExpr: "datum.value", grid: false },
  };
}
