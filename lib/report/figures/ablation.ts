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
import { meanAndStd } from "./statistics.js";
import { mainStream, type Study, studies } from "./studies.js";
import { markers, okabeIto, titled } from "./theme.js";

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
        "Bars: one standard deviation over the seeds. Predicted: ranks that survive where training never moves their importance weights.",
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

function drawing(
  title: string,
  notes: readonly string[],
  panels: { study: Study; rows: readonly Row[] }[],
): TopLevelSpec {
  return {
    title: titled(title, notes),
    spacing: 36,
    hconcat: panels.map(({ study, rows }) => {
      const x = axisOf(study, rows);
      const series = (
        unit: string,
        yTitle: string | string[],
        height: number,
        names: readonly string[],
        legend: string,
      ) => ({
        width: study.scale === "category" ? { step: 74 } : 290,
        height,
        data: { values: rows.filter((row) => row.unit === unit) },
        transform: [
          { calculate: "datum.mean - datum.std", as: "low" },
          { calculate: "datum.mean + datum.std", as: "high" },
        ],
        encoding: { x },
        layer: [
          {
            mark: { type: "rule", opacity: 0.6 },
            encoding: {
              y: {
                field: "low",
                type: "quantitative",
                scale: { zero: unit === "ranks" },
                axis: { title: yTitle, tickCount: 5 },
              },
              y2: { field: "high" },
              color: { field: "measure", type: "nominal", legend: null },
            },
          },
          {
            mark: {
              type: "line",
              point: { size: 55, filled: unit === "percent" },
              strokeWidth: study.scale === "category" ? 0 : 1.5,
            },
            encoding: {
              y: { field: "mean", type: "quantitative" },
              color: {
                field: "measure",
                type: "nominal",
                scale: { domain: names, range: okabeIto },
                legend: { title: legend },
              },
              shape: {
                field: "measure",
                type: "nominal",
                scale: { domain: names, range: markers },
                legend: { title: legend },
              },
              strokeDash: {
                field: "measure",
                type: "nominal",
                scale: {
                  domain: names,
                  range: [
                    [1, 0],
                    [5, 3],
                    [2, 2],
                  ],
                },
                legend: null,
              },
            },
          },
        ],
        resolve: { legend: { color: "independent", shape: "independent" } },
      });
      return {
        vconcat: [
          series("percent", "accuracy (%)", 190, Object.values(titles), "measure"),
          series("ranks", ["activated ranks", "per matrix"], 125, ["measured", "predicted"], "kept ranks"),
        ],
        resolve: { scale: { color: "independent", shape: "independent", strokeDash: "independent" } },
      };
    }),
    resolve: { scale: { color: "independent", shape: "independent", strokeDash: "independent" } },
  } as unknown as TopLevelSpec;
}

function axisOf({ scale, title }: Study, rows: readonly Row[]) {
  const values = [...new Set(rows.map(({ value }) => value))];
  if (scale === "category") {
    const labelExpr = "split(datum.label, ', ')"; // one line per encoder and group of matrices
    return { field: "value", type: "nominal", sort: values, axis: { title, labelAngle: 0, labelExpr } };
  }
  const type = scale === "log2" ? { type: "log", base: 2, nice: false } : { zero: false };
  return {
    field: "value",
    type: "quantitative",
    scale: { ...type, padding: 12 },
    axis: { title, values, labelExpr: "datum.value", grid: false },
  };
}
