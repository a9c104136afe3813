import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { parseWith, readJson } from "../../records/index.js";
import type { Run } from "../run.js";
import { describeConfiguration } from "./configurations.js";
import type { Figure, FigureKind, MissingFigure, Row } from "./figure.js";
import { fullProbe, probedDatasets, probes } from "./probes.js";
import { removalDrawing } from "./removal-drawing.js";
import { runCommand } from "./run-command.js";
import { deviationNote, meanAndStd } from "./statistics.js";

const accuraciesSchema = z.object({
  /** On the dataset of the task. */
  adaptation: z.number(),
  /** Mean over the datasets that were not learned. */
  retention: z.number(),
  datasets: z.record(z.string(), z.number()),
});

export const removalSchema = z.object({
  run: z.string(),
  task: z.int().nonnegative(),
  dataset: z.string(),
  retentionDatasets: z.array(z.string()),
  /** The model before the task. */
  before: accuraciesSchema,
  /** With all adapters of the task. */
  complete: accuraciesSchema,
  removals: z.array(accuraciesSchema.extend({ removed: z.string(), matrices: z.int() })),
});

/** The result of `codyra analyze remove`: accuracies, as fractions, without some adapters of a task. */
export type RemovalAnalysis = z.infer<typeof removalSchema>;

/** Path, in the run's directory, at which figures look for it. */
const removalFile = join("analysis", "remove.json");

/**
 * Accuracy after removing the adapters of one module type of one encoder, of plain LoRA on one dataset.
 * Figure 3.
 */
export const removal: FigureKind = {
  numbers: [3],
  async find(runs) {
    const found = probes(runs, "lora");
    const analysed = found.filter(({ runs }) => runs.some(({ directory }) => readRemovals(directory)));
    const wanted = probedDatasets(found).flatMap(
      (dataset) => fullProbe(analysed, dataset) ?? fullProbe(found, dataset) ?? [],
    );
    const panels = wanted.flatMap((configuration) => {
      const analyses = configuration.runs.flatMap(({ directory }) => readRemovals(directory) ?? []);
      return analyses.length > 0 ? [{ configuration, rows: rowsOf(analyses) }] : [];
    });
    if (panels.length === 0) return { figures: [], missing: [missing(wanted.flatMap((each) => each.runs))] };
    const title = "Removing trained LoRA modules";
    const notes = [
      ...panels.map(({ configuration }) => {
        const { rank } = configuration.options;
        return `${configuration.datasets[0]}: ${describeConfiguration(configuration)}, rank ${rank}; retention is the mean over ${configuration.holdOuts.join(", ")}.`;
      }),
      "Bars run from the accuracy with all modules (solid line) to that without the named one in all layers. Numbers are the change in points. The dashed line is the pre-trained model.",
      ...deviationNote(panels.flatMap(({ rows }) => rows)),
    ];
    const figure: Figure = {
      number: 3,
      name: "figure-3-removal",
      title,
      notes,
      spec: removalDrawing(title, notes, panels),
      rows: panels.flatMap(({ rows }) => rows),
    };
    return { figures: [figure], missing: [] };
  },
};

function readRemovals(directory: string): RemovalAnalysis | undefined {
  const path = join(directory, removalFile);
  return existsSync(path) ? parseWith(removalSchema, readJson(path), path) : undefined;
}

function missing(runs: readonly Run[]): MissingFigure {
  const analyze = (directory: string) =>
    `codyra analyze remove --run ${directory} --to ${join(directory, removalFile)}`;
  const train = runCommand({ method: "lora", dataset: "aircraft", holdOut: "imagenet1k" });
  return {
    numbers: [3],
    title: "Removing trained LoRA modules",
    reason:
      runs.length > 0
        ? "the modules of these runs have not been removed yet"
        : "no finished lora run that learns one dataset with all matrices of both encoders, with hold-outs",
    commands:
      runs.length > 0
        ? runs.map(({ directory }) => analyze(directory))
        : [train, analyze("runs/lora-aircraft")],
  };
}

/** One row per removed module and measure, in percent; mean over the seeds. */
function rowsOf(analyses: readonly RemovalAnalysis[]): Row[] {
  const [first] = analyses as [RemovalAnalysis, ...RemovalAnalysis[]];
  const over = (of: (analysis: RemovalAnalysis) => number | undefined) =>
    meanAndStd(analyses.map((analysis) => 100 * (of(analysis) ?? Number.NaN)));
  return (["adaptation", "retention"] as const).flatMap((measure) => {
    const complete = over((analysis) => analysis.complete[measure]).mean;
    const before = over((analysis) => analysis.before[measure]).mean;
    return first.removals.map(({ removed }) => {
      const { mean, std } = over(
        ({ removals }) => removals.find((each) => each.removed === removed)?.[measure],
      );
      const [, encoder = null, module = null] = /^(vision|text)\.(\w+)$/.exec(removed) ?? [];
      const about = { dataset: first.dataset, measure, removed, encoder, module, seeds: analyses.length };
      return {
        ...about,
        accuracy: mean,
        std,
        nothingRemoved: complete,
        change: mean - complete,
        pretrained: before,
      };
    });
  });
}
