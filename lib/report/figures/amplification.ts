// Not through lora/index.js: that loads the addon, and figures need none.
import { amplification } from "../../lora/analysis/amplification.js";
import { type Changes, readChanges } from "../../records/index.js";
import type { Run } from "../run.js";
import { concentration } from "./changes.js";
import {
  type Configuration,
  configurations,
  describeConfiguration,
  mainConfiguration,
} from "./configurations.js";
import type { Figure, FigureKind, MissingFigure, Row } from "./figure.js";
import { fullProbe, probedDatasets, probes, shown } from "./probes.js";
import { runCommand } from "./run-command.js";
import { meanAndStd } from "./statistics.js";
import { mainStream } from "./studies.js";
import { titled } from "./theme.js";

/** The ρ at which the two methods can be compared: a smaller ρ makes Amp larger. */
const commonRho = 4;
const maxDatasets = 3;

/** A task of runs that differ in their seed only. */
interface Learned {
  readonly dataset: string;
  readonly configuration: Configuration;
  readonly task: number;
}

interface Panel {
  readonly learned: Learned;
  readonly rows: readonly Row[];
  /** Share of `Σ ‖ΔW‖²` in the tenth of the matrices that change most. */
  readonly share: number;
}

/** Amplification factors of LoRA and of CoDyRA, matrix by matrix. Figure 9. */
export const amplificationMaps: FigureKind = {
  numbers: [9],
  async find(runs) {
    const pairs = findPairs(runs).slice(0, maxDatasets);
    if (pairs.length === 0) return { figures: [], missing: [noRuns] };
    const unmeasured = pairs
      .flat()
      .flatMap(({ configuration, task }) =>
        configuration.runs.filter(({ directory }) => readChanges(directory, task) === undefined),
      );
    if (unmeasured.length > 0) return { figures: [], missing: [notMeasured(unmeasured)] };
    const panels: Panel[] = pairs.flat().map((learned) => ({ learned, ...rowsOf(learned) }));
    const title = "Amplification factors of LoRA and CoDyRA";
    const sources = new Set(
      pairs
        .flat()
        .map(
          ({ configuration }) =>
            `${describeConfiguration(configuration)}, rank ${configuration.options.rank}, ${configuration.datasets.length === 1 ? "single tasks" : `stream of ${configuration.datasets.length} tasks`}.`,
        ),
    );
    const notes = [
      ...sources,
      "Amp is ‖ΔW‖ over the size of W in the directions of ΔW (eq. 8), and 0 if no rank survived. ρ is r for LoRA, and the number of surviving ranks for CoDyRA. Each column has a colour scale.",
      `A smaller ρ makes Amp larger. Colours show which matrices stand out; medians at ρ = ${commonRho} compare levels.`,
    ];
    const figure: Figure = {
      number: 9,
      name: "figure-9-amplification",
      title,
      notes: [
        ...notes,
        ...panels.map((panel) => {
          const [name, ...numbers] = panelTitle(panel);
          return `${name}: ${numbers.join(", ")}.`;
        }),
      ],
      spec: drawing(title, notes, panels),
      rows: panels.flatMap(({ rows }) => rows),
    };
    return { figures: [figure], missing: [] };
  },
};

/**
 * Single tasks where both methods have them, else the tasks of streams: LoRA and CoDyRA on the same dataset.
 */
function findPairs(runs: readonly Run[]): [Learned, Learned][] {
  const [lora, codyra] = [probes(runs, "lora"), probes(runs, "codyra")];
  const single = probedDatasets(lora).flatMap((dataset): [Learned, Learned][] => {
    const second = fullProbe(codyra, dataset);
    const first = fullProbe(lora, dataset, second?.options.rank);
    return first && second
      ? [
          [
            { dataset, configuration: first, task: 0 },
            { dataset, configuration: second, task: 0 },
          ],
        ]
      : [];
  });
  return single.length > 0 ? single : streamPairs(runs);
}

function streamPairs(runs: readonly Run[]): [Learned, Learned][] {
  const codyra = mainStream(runs);
  if (codyra === undefined) return [];
  const same = configurations(runs, "lora").filter(
    ({ protocol, datasets, options }) =>
      protocol === codyra.protocol &&
      datasets.join() === codyra.datasets.join() &&
      options.rank === codyra.options.rank,
  );
  const lora = mainConfiguration(same, []);
  if (lora === undefined) return [];
  const { datasets } = codyra;
  const preferred = shown.filter((name) => datasets.includes(name));
  return (preferred.length > 0 ? preferred : datasets).map((dataset) => {
    const task = datasets.indexOf(dataset);
    return [
      { dataset, configuration: lora, task },
      { dataset, configuration: codyra, task },
    ];
  });
}

/** Median of the amplifications at a ρ that all panels have in common. */
function commonMedian(rows: readonly Row[]): number {
  const values = rows.map((row) => row[`amplificationRho${commonRho}`] as number).toSorted((a, b) => a - b);
  const middle = (values.length - 1) / 2;
  return ((values[Math.floor(middle)] as number) + (values[Math.ceil(middle)] as number)) / 2;
}

/** Means over the seeds. */
function rowsOf({ dataset, configuration, task }: Learned): { rows: Row[]; share: number } {
  const measured = configuration.runs.map(({ directory }) => readChanges(directory, task) as Changes);
  const { modules } = measured[0] as Changes;
  const over = (i: number, of: (module: Changes["modules"][number]) => number) =>
    meanAndStd(measured.map((changes) => of(changes.modules[i] as Changes["modules"][number]))).mean;
  const rows = modules.map(({ encoder, target, layer }, i) => ({
    dataset,
    method: configuration.method,
    encoder,
    module: target,
    layer: layer + 1,
    amplification: over(i, (module) => amplification(module)),
    [`amplificationRho${commonRho}`]: over(i, (module) => amplification(module, commonRho)),
    ranks: over(i, ({ projectedNorms }) => projectedNorms.length),
    deltaNorm: over(i, ({ deltaNorm }) => deltaNorm),
    weightNorm: over(i, ({ weightNorm }) => weightNorm),
  }));
  return { rows, share: meanAndStd(measured.map(concentration)).mean };
}

const noRuns: MissingFigure = {
  numbers: [9],
  title: "Amplification factors of LoRA and CoDyRA",
  reason: "no finished runs of lora and codyra with the same datasets and rank",
  commands: shown.flatMap((dataset) =>
    ["lora", "codyra"].map((method) => runCommand({ method, dataset, holdOut: "caltech101" })),
  ),
};

function notMeasured(runs: readonly Run[]): MissingFigure {
  const directories = new Set(runs.map(({ directory }) => directory));
  return {
    numbers: [9],
    title: "Amplification factors of LoRA and CoDyRA",
    reason: "these runs have not recorded how much they changed each matrix",
    commands: Array.from(directories, (directory) => `codyra analyze amplification --run ${directory}`),
  };
}

function panelTitle({ learned: { dataset, configuration }, rows, share }: Panel): [string, string, string] {
  return [
    `${dataset}, ${configuration.method}`,
    `${(100 * share).toFixed(0)} % of ‖ΔW‖² in 10 % of matrices`,
    `median at ρ = ${commonRho}: ${commonMedian(rows).toPrecision(2)}`,
  ];
}

function drawing(title: string, notes: readonly string[], panels: readonly Panel[]): object {
  const datasets = [...new Set(panels.map(({ learned }) => learned.dataset))];
  const column = (dataset: string, isFirst: boolean) => {
    const ofDataset = panels.filter(({ learned }) => learned.dataset === dataset);
    const highest = Math.max(
      ...ofDataset.flatMap(({ rows }) => rows.map((row) => row.amplification as number)),
    );
    return {
      spacing: 24,
      vconcat: ofDataset.map((panel) => ({
        title: {
          text: panelTitle(panel),
          fontSize: 10,
          fontWeight: "normal",
          offset: 5,
        },
        width: { step: 22 },
        height: { step: 15 },
        data: { values: panel.rows.map((row) => ({ ...row, matrix: `${row.encoder} ${row.module}` })) },
        mark: "rect",
        encoding: {
          x: {
            field: "layer",
            type: "ordinal",
            axis: { title: "layer, from input to output", labelAngle: 0 },
          },
          y: { field: "matrix", type: "nominal", sort: null, axis: { title: isFirst ? "matrix" : null } },
          color: {
            field: "amplification",
            type: "quantitative",
            scale: { scheme: "viridis", domain: [0, highest] },
            legend: { title: ["Amp", "(ratio)"], gradientLength: 120 },
          },
        },
      })),
    };
  };
  return {
    title: titled(title, notes),
    spacing: 28,
    hconcat: datasets.map((dataset, i) => column(dataset, i === 0)),
    resolve: { scale: { color: "independent" } },
  };
}
