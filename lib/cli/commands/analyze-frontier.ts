import { join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import type { CaseOptions } from "../../experiment/index.js";
import { writeJsonAtomically } from "../../files/index.js";
import { type Given, UsageError } from "../../options/index.js";
import type { FrontierAnalysis, Table } from "../../report/index.js";
import { collectOption } from "../input/collect-option.js";
import { positiveInteger } from "../input/positive-integer.js";
import { abortOnInterrupt } from "../interrupt.js";
import { writeAnalysis } from "../output/analyze-output.js";
import { Progress } from "../output/progress.js";

interface FrontierFlags {
  run?: string;
  config?: string;
  seeds?: number[];
  tasks?: string[];
  option: Given;
  draws: number;
  images: number;
  probes?: number;
  to?: string;
  json?: boolean;
}

/**
 * `codyra analyze frontier`: whether it matters which ranks of an update are kept, or only how much of it.
 */
export function analyzeFrontierCommand(): Command {
  return new Command("frontier")
    .description(
      "Learn a dataset, then scale, prune or filter the image encoder's update, and measure the learned dataset against the others.",
    )
    .option("--run <dir>", "take the updates that a run of codyra or lora made, instead of learning anew")
    .option("--config <file>", "learn from a configuration of codyra run (default: the miniature benchmark)")
    .option(
      "--tasks <name...>",
      "datasets of the stream, or their positions from 0; each is learned alone, those of a run in its order (default: the first)",
    )
    .option("--seeds <n...>", "seeds (default: 0, or that of the configuration)", collectSeed)
    .option(
      "-o, --option <key=value>",
      "option of the method, such as rank=4; may be repeated",
      collectOption,
      {},
    )
    .option("--draws <n>", "draws of random ranks, whose mean is shown", positiveInteger, 5)
    .option(
      "--images <n>",
      "images that benefit and harm are each measured on, at most",
      positiveInteger,
      256,
    )
    .option(
      "--probes <n>",
      "directions of the features that are followed back, drawn at random (default: all, which is exact; for large models, some 32)",
      positiveInteger,
    )
    .option("--to <dir>", "also write frontier.json, .csv, .svg and .png into a folder")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
A dataset is learned from the pre-trained model with CoDyRA (arXiv:2412.01004) without thresholding, so that all ranks are there. The update of the
text encoder is kept; that of the image encoder, ΔW = Σ_i s_i B_i A_i, is changed:

scaled          s = α
half            s = 1 for half of the ranks of all matrices together, else 0: at random, by benefit/harm Q_ii / H_ii, or by harm H_ii
Wiener filter   s = (Q + λH)⁻¹ Q 1 in each matrix
Q, H            (A G Aᵀ) ∘ (Bᵀ S B), with the input Gram G and the Gauss-Newton factor S of the unit features before the update.
                Q is taken on training images of the dataset, H on procedural ones (dead leaves)

own, others     accuracy on the dataset, and mean over the others of the stream, in both protocols
above line      others, minus others on the line that scaling draws, at the same own accuracy
norm            ‖ΔW‖ that is left

Means over --tasks, then mean ± standard deviation over --seeds. A run's updates are of the ranks that its thresholding left.

Examples:
  $ codyra analyze frontier
  $ codyra analyze frontier --seeds 0 1 2 3 --to frontier
  $ codyra analyze frontier --config shop.yaml --tasks flowers signs --probes 32
  $ codyra analyze frontier --run runs/shop --tasks 1 --json`,
    )
    .action(analyzeFrontier);
}

async function analyzeFrontier({ draws, images, probes, to, json, ...flags }: FrontierFlags): Promise<void> {
  const { measureFrontier, openCases } = await import("../../experiment/index.js");
  const folder = to === undefined ? undefined : resolve(to);
  const progress = new Progress();
  const { signal } = abortOnInterrupt(() =>
    progress.say(`Stopping. ${folder ? `Measurements so far are in ${folder}.` : "Nothing was written."}`),
  );
  const { source, method, options, cases } = openCases(casesAsked(flags), { progress, signal });
  const result: FrontierAnalysis = {
    source,
    method,
    options: { ...options },
    images: { current: images, procedural: images },
    draws,
    measurements: [],
  };
  for await (const each of cases()) {
    const points = await measureFrontier(each, { draws, images, probes, signal, progress });
    result.measurements.push({ seed: each.seed, dataset: each.dataset, points });
    if (folder !== undefined) await save(result, folder); // a seed may take minutes
  }
  await writeAnalysis({ json }, result, await frontierTables(result));
}

/** @throws UsageError if flags do not go together */
function casesAsked({ run, config, seeds, tasks, option }: Partial<FrontierFlags>): CaseOptions {
  if (run === undefined) return { config, seeds, tasks, options: option };
  if (config !== undefined)
    throw new UsageError("Expected --run or --config, got both. Leave one of them out.");
  if (seeds !== undefined || Object.keys(option ?? {}).length > 0)
    throw new UsageError(
      "A run has its seed and options already: leave --seeds and --option out, or give --config.",
    );
  return { run, tasks };
}

async function save(result: FrontierAnalysis, folder: string): Promise<void> {
  const { frontierFigure, writeFigure } = await import("../../report/index.js");
  await writeFigure(frontierFigure(result), folder);
  writeJsonAtomically(join(folder, "frontier.json"), result);
}

async function frontierTables(result: FrontierAnalysis): Promise<Table[]> {
  const { frontierRows } = await import("../../report/index.js");
  const datasets = [...new Set(result.measurements.map(({ dataset }) => dataset))].join(", ");
  const rows = frontierRows(result).map(({ name, norm, accuracies }) => {
    const cells = [
      ...Object.values(accuracies).flatMap(({ own, others, aboveLine }) => [own, others, aboveLine]),
      norm,
    ];
    return {
      label: name,
      values: cells.map((cell) => cell?.mean),
      deviations: cells.map((cell) => cell?.std),
    };
  });
  const seeds = new Set(result.measurements.map(({ seed }) => seed)).size;
  return [
    {
      title: `The image encoder's update after ${datasets} (%)`,
      caption:
        "Accuracy on the learned dataset and on the others, and how far others are above the line of scaling.",
      rowHeader: "Change of the update",
      columns: [
        ...["X-TAIL", "MTIL"].flatMap((protocol) => [`${protocol} own`, "others", "above line"]),
        "norm",
      ],
      rows: seeds > 1 ? rows : rows.map(({ label, values }) => ({ label, values })),
      best: "none",
    },
  ];
}

function collectSeed(text: string, before: number[] = []): number[] {
  const seed = Number(text);
  if (text.trim() !== "" && Number.isInteger(seed) && seed >= 0) return [...before, seed];
  throw new InvalidArgumentError("Expected a whole number of at least 0.");
}
