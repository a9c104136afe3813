import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { jsonText } from "../../files/index.js";
import {
  describeMissing,
  figureNumbers,
  findFigures,
  findRuns,
  readRun,
  writeFigures,
} from "../../report/index.js";
import { print } from "../output/print.js";

interface FiguresFlags {
  runs: string[];
  to: string;
  figure?: number[];
  json?: boolean;
}

/** `codyra figures`: the paper's figures, from runs. */
export function figuresCommand(): Command {
  return new Command("figures")
    .description("Draw the figures of the paper from runs, as SVG and PNG with their data as CSV.")
    .requiredOption("--runs <dir...>", "run directories, or folders that contain them")
    .option("--to <dir>", "folder to write into", "figures")
    .option("--figure <number...>", "numbers of the paper's figures (default: all)", collectNumber)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Figures of arXiv:2412.01004, and where their data come from:
  2          adapted matrices and rank of LoRA     lora on one dataset with hold-outs, other encoders, targets, ranks
  3          removing trained modules              the same, and codyra analyze remove
  5, 6, 10–17  activated ranks per dataset         codyra over a stream
  7          ablation: adapted matrices, rank      the same, other encoders, targets, ranks
  8          ablation: threshold, dense phase      the same, other kappaMax, denseRatio
  9          amplification factors                 lora and codyra on one dataset each, else over streams

Seeds of one configuration are averaged. Datasets that the paper does not have get the same figures, without a number. Missing figures
are listed with the commands that would make them; figures.md shows everything together.

Examples:
  $ codyra figures --runs runs/x-tail runs/ablations --to figures
  $ codyra figures --runs runs/* --figure 7 8`,
    )
    .action(drawFigures);
}

async function drawFigures({ runs: paths, to, figure: numbers, json }: FiguresFlags): Promise<void> {
  const runs = paths.flatMap(findRuns).map(readRun);
  const found = await findFigures(runs, numbers);
  const written = await writeFigures(found, resolve(to));
  if (json) {
    const figures = found.figures.map(({ number, title, notes }, i) => ({
      number: number ?? null,
      title,
      notes,
      svg: written[i],
    }));
    print(jsonText({ figures, missing: found.missing }));
    return;
  }
  print(written.map((path) => `${path}\n`).join(""));
  if (found.missing.length > 0) print(`\n${describeMissing(found.missing)}`);
}

function collectNumber(text: string, before: number[] = []): number[] {
  const number = Number(text);
  if (figureNumbers.includes(number)) return [...before, number];
  throw new InvalidArgumentError(`Expected one of ${figureNumbers.join(", ")}.`);
}
