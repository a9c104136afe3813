import type { Command } from "commander";
import type { Table } from "../../report/index.js";
import type { BaseModelFlags } from "../input/model-options.js";
import { positiveInteger } from "../input/positive-integer.js";
import { baseModelFlags, modelAnalysis, type OutputFlags, writeAnalysis } from "../output/analyze-output.js";
import { Progress } from "../output/progress.js";

interface AmplificationFlags extends OutputFlags, BaseModelFlags {
  run: string;
  task?: string;
  rho?: number;
}

/**
 * `codyra analyze amplification`: how much every update strengthens directions that are weak in the weight.
 */
export function analyzeAmplificationCommand(): Command {
  return modelAnalysis("amplification")
    .description(
      "Measure how much the update of every matrix strengthens directions that are weak in the weight.",
    )
    .option("--task <task>", "dataset, or its position from 0 (default: the last finished one)")
    .option("--rho <n>", "singular directions to look at (default: the rank of the update)", positiveInteger)
    .addHelpText(
      "after",
      `
Amp = ‖ΔW‖_F / ‖U_ρᵀ W V_ρ‖_F                    arXiv:2412.01004, eq. 8

ΔW   what the task added to the matrix, B diag(w) A; B A for lora
W    the weight before the task
U, V the first ρ left and right singular vectors of ΔW, as columns
ρ    the rank of ΔW: r for lora, the surviving ranks for codyra. A smaller ρ makes Amp larger, so compare methods with one --rho too.

Amp is 0 where no rank survived. Runs record what is needed after every task; for a run that has not, it is computed from its adapters
and added to the run.

Example:
  $ codyra analyze amplification --run runs/shop --task dtd
  $ codyra analyze amplification --run runs/shop --rho 4 --to amplification.json`,
    )
    .action(analyzeAmplification);
}

async function analyzeAmplification({ run, task, rho, ...output }: AmplificationFlags): Promise<void> {
  const { amplification } = await import("../../lora/index.js");
  const { concentration } = await import("../../report/index.js");
  const { recordedChanges } = await import("../../experiment/index.js");
  const changes = recordedChanges(run, { task, model: baseModelFlags(output), observer: new Progress() });
  const modules = changes.modules.map((module) => ({
    encoder: module.encoder,
    layer: module.layer,
    target: module.target,
    rank: module.projectedNorms.length,
    amplification: amplification(module, rho),
    deltaNorm: module.deltaNorm,
    weightNorm: module.weightNorm,
  }));
  const share = concentration(changes);
  const result = { run, dataset: changes.dataset, rho: rho ?? "rank", topTenthShare: share, modules };
  const note = `${(100 * share).toFixed(1)} % of Σ‖ΔW‖² lies in the tenth of the matrices that changed most.`;
  const title = `Amplification on ${changes.dataset}, ρ = ${rho ?? "rank of the update"}`;
  await writeAnalysis(output, result, [moduleTable(title, modules)], [note]);
}

function moduleTable(
  title: string,
  modules: readonly { encoder: string; target: string; layer: number; amplification: number }[],
): Table {
  const layers = [...new Set(modules.map(({ layer }) => layer))].toSorted((a, b) => a - b);
  const names = [...new Set(modules.map(({ encoder, target }) => `${encoder} ${target}`))];
  return {
    title,
    caption: "Size of the update over the size of the weight in its directions.",
    rowHeader: "Matrix",
    columns: layers.map((layer) => String(layer + 1)),
    rows: names.map((label) => ({
      label,
      values: layers.map(
        (layer) =>
          modules.find((each) => `${each.encoder} ${each.target}` === label && each.layer === layer)
            ?.amplification,
      ),
    })),
    best: "none",
    format: (value) => value.toPrecision(3),
  };
}
