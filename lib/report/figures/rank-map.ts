import type { RankHistory } from "../run.js";
import { type Configuration, describeConfiguration } from "./configurations.js";
import type { Figure, FigureKind, Row } from "./figure.js";
import { paperFigures } from "./paper-figures.js";
import { predictedShare } from "./predicted-ranks.js";
import { rankMapDrawing } from "./rank-map-drawing.js";
import { type RankStatistics, rankStatistics } from "./rank-statistics.js";
import { runCommand } from "./run-command.js";
import { mainStream } from "./studies.js";

/**
 * Activated ranks after each task of a stream: as a map, per module and per layer. Figures 5, 6 and 10 to 17.
 */
export const rankMaps: FigureKind = {
  numbers: Object.values(paperFigures),
  async find(runs) {
    const main = mainStream(runs);
    const figures = main ? await Promise.all(main.datasets.map((_, task) => rankMap(main, task))) : [];
    const drawn = new Set(figures.map(({ number }) => number));
    const isPaper = figures.length === 0 || figures.some(({ number }) => number !== undefined);
    const lacking = Object.entries(paperFigures).filter(([, number]) => !drawn.has(number));
    if (!isPaper || lacking.length === 0) return { figures, missing: [] };
    const missing = {
      numbers: lacking.map(([, number]) => number),
      title: `Activated ranks on ${lacking.map(([dataset]) => dataset).join(", ")}`,
      reason: "no finished codyra run over a stream with these datasets",
      commands: [runCommand({ method: "codyra" })],
    };
    return { figures, missing: [missing] };
  },
};

async function rankMap(configuration: Configuration, task: number): Promise<Figure> {
  const { datasets, runs, options } = configuration;
  const dataset = datasets[task] as string;
  const number = paperFigures[dataset];
  const draws = runs.map(({ ranks }) => ranks?.tasks[task]?.active ?? []);
  const history = runs[0].ranks as RankHistory;
  const share = await predictedShare(options);
  const statistics = rankStatistics(history, draws, share);
  const title = `Activated ranks on ${dataset}`;
  const source = `${describeConfiguration(configuration)}, task ${task + 1} of ${datasets.length}.`;
  const notes = [source, ...describeBands(statistics, share !== undefined)];
  const spec = rankMapDrawing(statistics, title, notes);
  const name = `${number === undefined ? "" : `figure-${number}-`}ranks-${dataset}`;
  return {
    number,
    name,
    title,
    notes: [...notes, ...listOutside(statistics)],
    spec,
    rows: rowsOf(statistics),
  };
}

function describeBands(
  { rank, draws, share, all, matrices, expectedOutside }: RankStatistics,
  isPredicted: boolean,
): string[] {
  const expected = rank * share;
  const std = Math.sqrt((rank * share * (1 - share)) / draws);
  const cause = isPredicted
    ? "the initial importance weights alone predict"
    : "the same for every matrix would be";
  const outside = matrices.filter((cell) => cell.outside !== null).length;
  return [
    `${all.mean.toFixed(2)} of ${rank} ranks per matrix are active; ${cause} ${expected.toFixed(2)} ± ${std.toFixed(2)}.`,
    `Orange marks ${outside} of ${matrices.length} matrices outside the 95 % band of binomial noise (grey); chance alone puts ${expectedOutside.toFixed(1)} there.`,
  ];
}

/** Which cells are outside their band, in words: the matrices, then the bars. */
function listOutside({ matrices, modules, layers }: RankStatistics): string[] {
  const list = (what: string, names: string[]) =>
    `${what} outside the band: ${names.length === 0 ? "none" : names.join("; ")}.`;
  const isOutside = ({ outside }: { outside: unknown }) => outside !== null;
  const value = ({ mean, outside }: { mean: number; outside: unknown }) => `${number(mean)}, ${outside}`;
  return [
    list(
      "Matrices",
      matrices
        .filter(isOutside)
        .map((cell) => `${cell.encoder} ${cell.target} ${cell.layer + 1} (${value(cell)})`),
    ),
    list(
      "Modules",
      modules.filter(isOutside).map((cell) => `${cell.encoder} ${cell.target} (${value(cell)})`),
    ),
    list(
      "Layers",
      layers.filter(isOutside).map((cell) => `${cell.encoder} ${cell.layer + 1} (${value(cell)})`),
    ),
  ];
}

function rowsOf({ matrices, modules, layers, all }: RankStatistics): Row[] {
  const row = (panel: string, cell: Partial<RankStatistics["matrices"][number]>): Row => ({
    panel,
    encoder: cell.encoder ?? null,
    module: cell.target ?? null,
    layer: cell.layer === undefined ? null : cell.layer + 1,
    sum: cell.sum ?? null,
    mean: cell.mean ?? null,
    std: cell.std ?? null,
    low: cell.low ?? null,
    high: cell.high ?? null,
    outside: cell.outside ?? null,
  });
  return [
    ...matrices.map((cell) => row("matrix", cell)),
    ...modules.map((cell) => row("module", cell)),
    ...layers.map((cell) => row("layer", cell)),
    row("all", all),
  ];
}

function number(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}
