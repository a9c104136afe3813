import type { TopLevelSpec } from "vega-lite";
import type { Run } from "../run.js";
import {
  type Configuration,
  configurations,
  describeConfiguration,
  location,
  variants,
} from "./configurations.js";
import type { Figure, FigureKind, FoundFigures, MissingFigure, Row } from "./figure.js";
import { predictedShare } from "./predicted-ranks.js";
import { runCommand } from "./run-command.js";
import { deviationNote, meanAndStd } from "./statistics.js";
import { mainStream, type Study, studies } from "./studies.js";
import { ink, markers, okabeIto, titled } from "./theme.js";

const measures = ["transfer", "average", "last"] as const;
const titles = { transfer: "Transfer", average: "Average", last: "Last" } as const;

/** The method with other adapted matrices, and with other initial ranks. Figure 7. */
export const locationAblation = ablation(7, "ablation-location-rank", "Adapted matrices and initial rank", [
  "location",
  "rank",
]);

/** The method with other thresholds, and with other dense phases. Figure 8. */
export const thresholdAblation = ablation(8, "ablation-threshold", "Threshold and dense phase", [
  "kappaMax",
  "denseRatio",
]);

function ablation(number: number, id: string, title: string, ids: readonly Study["id"][]): FigureKind {
  return {
    numbers: [number],
    async find(runs): Promise<FoundFigures> {
      const main = mainStream(runs);
      const chosen = studies.filter((study) => ids.includes(study.id));
      const panels = await Promise.all(
        chosen.map(async (study) => ({ study, rows: await rowsOf(study, main, runs) })),
      );
      const drawn = panels.filter(({ rows }) => new Set(rows.map(({ value }) => value)).size > 1);
      const missing = panels
        .filter((panel) => !drawn.includes(panel))
        .map(({ study }) => lacking(number, study));
      if (main === undefined || drawn.length === 0) return { figures: [], missing };
      const notes = [
        `${describeConfiguration(main)}; ${main.datasets.length} tasks. Each panel varies one option, the others stay.`,
        "Predicted: ranks that survive where training never moves their importance weights.",
        ...deviationNote(drawn.flatMap(({ rows }) => rows)),
      ];
      const figure: Figure = {
        number,
        name: `figure-${number}-${id}`,
        title,
        notes,
        spec: drawing(title, notes, drawn),
        rows: drawn.flatMap(({ rows }) => rows),
      };
      return { figures: [figure], missing };
    },
  };
}

function lacking(number: number, { title, suggestions }: Study): MissingFigure {
  return {
    numbers: [number],
    title: `Ablation of the ${title}`,
    reason: "fewer than two finished codyra streams that differ in this alone",
    commands: suggestions.map((options) => runCommand({ method: "codyra", options })),
  };
}

/** One row per configuration and measure. */
async function rowsOf(study: Study, main: Configuration | undefined, runs: readonly Run[]): Promise<Row[]> {
  if (main === undefined) return [];
  const varied = variants(main, configurations(runs, "codyra"), study.options);
  const rows = await Promise.all(
    varied.map(async (configuration) => {
      const value = optionValue(study, configuration);
      const rank = configuration.options.rank as number;
      const kept = configuration.runs.flatMap(({ ranks }) =>
        ranks ? [meanAndStd(ranks.tasks.flatMap(({ active }) => active)).mean] : [],
      );
      const share = await predictedShare(configuration.options);
      const about = {
        study: study.id,
        value,
        matrices: configuration.runs[0].ranks?.modules.length ?? null,
        isMain: configuration.runs[0] === main.runs[0] ? "yes" : "no",
        seeds: configuration.runs.length,
      };
      return [
        ...measures.map((measure) => ({
          ...about,
          measure: titles[measure],
          unit: "percent",
          ...meanAndStd(
            configuration.runs.map(({ metrics }) => 100 * (metrics?.[measure].overall ?? Number.NaN)),
          ),
        })),
        ...(kept.length > 0 ? [{ ...about, measure: "measured", unit: "ranks", ...meanAndStd(kept) }] : []),
        ...(share === undefined
          ? []
          : [{ ...about, measure: "predicted", unit: "ranks", mean: rank * share, std: 0 }]),
      ];
    }),
  );
  const position = (row: Row) => Number(study.scale === "category" ? row.matrices : row.value);
  return rows.flat().toSorted((a, b) => position(a) - position(b));
}

function optionValue(study: Study, configuration: Configuration): string | number {
  return study.id === "location" ? location(configuration) : (configuration.options[study.id] as number);
}

/** What a row of panels shows: rows of one unit, each measure in its own colour and shape. */
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
    measures: Object.values(titles),
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
function drawing(
  title: string,
  notes: readonly string[],
  panels: { study: Study; rows: readonly Row[] }[],
): TopLevelSpec {
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
  } as unknown as TopLevelSpec;
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
