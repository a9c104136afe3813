import type { Run } from "../run.js";
import { ablationDrawing } from "./ablation-drawing.js";
import {
  type Configuration,
  configurations,
  describeConfiguration,
  location,
  variants,
} from "./configurations.js";
import type { Figure, FigureKind, FoundFigures, MissingFigure, Row } from "./figure.js";
import { paperFigures } from "./paper-figures.js";
import { predictedShare } from "./predicted-ranks.js";
import { runCommand, variantCommand } from "./run-command.js";
import { deviationNote, meanAndStd } from "./statistics.js";
import { mainStream, type Study, studies } from "./studies.js";

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
        .map(({ study }) => lacking(number, study, main));
      if (main === undefined || drawn.length === 0) return { figures: [], missing };
      const notes = [
        `${describeConfiguration(main)}; ${main.datasets.length} tasks. Each panel varies one option, the others stay.`,
        "The prediction is the number of ranks that survive if training never moves importance weights.",
        ...deviationNote(drawn.flatMap(({ rows }) => rows)),
      ];
      const figure: Figure = {
        number,
        name: `figure-${number}-${id}`,
        title,
        notes,
        spec: ablationDrawing(title, notes, drawn),
        rows: drawn.flatMap(({ rows }) => rows),
      };
      return { figures: [figure], missing };
    },
  };
}

function lacking(
  number: number,
  { title, suggestions }: Study,
  main: Configuration | undefined,
): MissingFigure {
  const isPaper = main === undefined || main.datasets.every((dataset) => paperFigures[dataset] !== undefined);
  return {
    numbers: [number],
    title: `Ablation of the ${title}`,
    reason: "fewer than two finished codyra streams that differ in this alone",
    commands: isPaper
      ? suggestions.map((options) => runCommand({ method: "codyra", options }))
      : suggestions.filter(({ length }) => length > 0).map((options) => variantCommand(main, options)),
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
