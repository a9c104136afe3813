import type { Command } from "commander";
import { UsageError } from "../../options/index.js";
import type { RankStatistics, Table } from "../../report/index.js";
import { type OutputFlags, runAnalysis, writeAnalysis } from "../output/analyze-output.js";

interface RanksFlags extends OutputFlags {
  run: string;
  task?: string;
}

/** `codyra analyze ranks`: how many ranks of every matrix are active. */
export function analyzeRanksCommand(): Command {
  return runAnalysis("ranks")
    .description("Count the active ranks of every adapted matrix, per module and per layer.")
    .option("--task <task>", "dataset, or its position from 0 (default: the mean over all tasks)")
    .addHelpText(
      "after",
      `
N      ranks whose importance weight is not zero after a task (arXiv:2412.01004, section 3.2)
Band   central 95 % of a binomial distribution of r ranks per matrix and task: the counts that chance makes likely.
       Every rank survives there with the probability p = P(|N(0, 1)| > Σκ), as if training never moved importance weights.
       If these do not start from N(0, 1), p is the share that survived. Matrices outside the band are listed below the table.

Example:
  $ codyra analyze ranks --run runs/shop
  $ codyra analyze ranks --run runs/shop --task dtd --to ranks.json`,
    )
    .action(analyzeRanks);
}

async function analyzeRanks({ run, task, ...output }: RanksFlags): Promise<void> {
  const { predictedShare, rankStatistics, readRun } = await import("../../report/index.js");
  const { info, ranks } = readRun(run);
  if (ranks === undefined || ranks.tasks.length === 0) {
    throw new Error(`${run}: expected ranks of a finished task, got none. Give a run of codyra or lora.`);
  }
  const chosen = ranks.tasks.filter(
    ({ dataset }, i) => task === undefined || dataset === task || String(i) === task,
  );
  if (chosen.length === 0) {
    const names = ranks.tasks.map(({ dataset }, i) => `${dataset} (${i})`).join(", ");
    throw new UsageError(`There is no finished task '${task}': expected one of ${names}.`);
  }
  const options = (info.config.options ?? {}) as Record<string, unknown>;
  const draws = chosen.map(({ active }) => active);
  const statistics = rankStatistics(ranks, draws, await predictedShare(options));
  const title = chosen.length === 1 ? (chosen[0]?.dataset as string) : `mean over ${chosen.length} tasks`;
  const datasets = chosen.map(({ dataset }) => dataset);
  await writeAnalysis(
    output,
    { run, datasets, ...statistics },
    [rankTable(statistics, title)],
    describe(statistics),
  );
}

function rankTable({ matrices, modules, layers, rank }: RankStatistics, title: string): Table {
  const numbers = [...new Set(matrices.map(({ layer }) => layer))].toSorted((a, b) => a - b);
  const rows = modules.map(({ encoder, target, sum, mean, std, low, high }) => {
    const cells = numbers.map((layer) => {
      const cell = matrices.find(
        (each) => each.encoder === encoder && each.target === target && each.layer === layer,
      );
      return cell?.mean;
    });
    return { label: `${encoder} ${target}`, values: [...cells, sum, mean, std, low, high] };
  });
  const perLayer = (encoder: string, key: "mean" | "std" | "low" | "high") => ({
    label: `${encoder} ${key}`,
    values: [
      ...numbers.map(
        (number) => layers.find((each) => each.encoder === encoder && each.layer === number)?.[key],
      ),
      ...Array<undefined>(5),
    ],
  });
  const encoders = [...new Set(layers.map(({ encoder }) => encoder))];
  return {
    title: `Active ranks of ${rank}, ${title}`,
    caption: "Ranks with a non-zero importance weight.",
    rowHeader: "Matrix",
    columns: [...numbers.map((layer) => String(layer + 1)), "Sum", "Mean", "Std", "Low", "High"],
    rows: [
      ...rows,
      ...encoders.flatMap((encoder) =>
        (["mean", "std", "low", "high"] as const).map((key) => perLayer(encoder, key)),
      ),
    ],
    best: "none",
    format: (value) => (Number.isInteger(value) ? String(value) : value.toFixed(2)),
  };
}

function describe({
  all,
  matrices,
  modules,
  layers,
  rank,
  share,
  expectedOutside,
}: RankStatistics): string[] {
  const names = (kind: string, outside: string[]) =>
    `${kind} outside their band: ${outside.length === 0 ? "none" : outside.join(", ")}.`;
  const isOutside = ({ outside }: { outside: string | null }) => outside !== null;
  const arrow = ({ outside }: { outside: string | null }) => (outside === "above" ? "↑" : "↓");
  return [
    `${all.mean.toFixed(2)} of ${rank} ranks per matrix are active; chance alone gives ${(rank * share).toFixed(2)}.`,
    names(
      `Matrices (${expectedOutside.toFixed(1)} expected by chance)`,
      matrices
        .filter(isOutside)
        .map((cell) => `${cell.encoder} ${cell.target} ${cell.layer + 1}${arrow(cell)}`),
    ),
    names(
      "Modules",
      modules.filter(isOutside).map((cell) => `${cell.encoder} ${cell.target}${arrow(cell)}`),
    ),
    names(
      "Layers",
      layers.filter(isOutside).map((cell) => `${cell.encoder} ${cell.layer + 1}${arrow(cell)}`),
    ),
  ];
}
