import { Command, Help, Option } from "commander";
import { clipConfigs } from "../../clip/config.js";
// Not through clip/index.js: that loads the addon, and --help needs none.
import { jsonText } from "../../files/index.js";
import type { MethodCost } from "../../methods/index.js";
import { printedCostSetting, type printedCosts, type Table } from "../../report/index.js";
import { positiveInteger } from "../input/positive-integer.js";
import { print } from "../output/print.js";
import { terminalStyle } from "../output/terminal-style.js";

type Setting = typeof printedCostSetting;

interface CostFlags extends Setting {
  json?: boolean;
}

/** `codyra analyze cost`: parameters and memory of every method. */
export function analyzeCostCommand(): Command {
  return new Command("cost")
    .description("Count what every method trains, and what it adds to CLIP at inference.")
    .addOption(
      new Option("--model <name>", "CLIP model")
        .choices(Object.keys(clipConfigs))
        .default(printedCostSetting.model),
    )
    .option("--classes <n>", "classes of all tasks together", positiveInteger, printedCostSetting.classes)
    .option("--tasks <n>", "tasks", positiveInteger, printedCostSetting.tasks)
    .option("--shots <n>", "training images per class", positiveInteger, printedCostSetting.shots)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Trainable  parameters that gradients change
Inference  parameters that one image needs beside those of one CLIP, after the last task
Stored     memory of all that is kept beside one CLIP to classify any image, in float32
Training   memory beside one CLIP while the last task is learned: adapters, gradients, moments, copies of the model, memories;
           activations and data come on top

With D the width of CLIP's features, C classes, T tasks and K shots:
  full fine-tuning (finetune, lwf, icarl, wise-ft, zscl)   all parameters but the logit scale
  lora                    r (d + k) for every d × k matrix of the blocks, rank r = 16
  codyra                  the same, and r importance weights
  codyra-routed           the same, kept for every task
  moe-adapter             22 experts per block, T routers and noise matrices, autoencoders
  rail-primal             15,000 D + 15,000 C
  rail-dual               C K D, and C K C coefficients
  keeplora                r d for the four matrices of every attention, r = 16
  dac                     r (d + k) for every matrix of the blocks, r = 12; its routers are not trained
  statra                  r (d + k) for every matrix of one encoder; C D, D², and D for every generic word are kept

Everything is counted on modules as the methods build them, without weights. The paper's column is table 4 of arXiv:2412.01004,
for ViT-B/16, 1,100 classes and 16 shots.

Examples:
  $ codyra analyze cost
  $ codyra analyze cost --model vit-l-14 --classes 200 --tasks 5 --json`,
    )
    .action(analyzeCost);
}

async function analyzeCost({ json, ...setting }: CostFlags): Promise<void> {
  const { countCosts } = await import("../../experiment/index.js");
  const costs = countCosts(setting);
  const { bytesPerValue } = await import("../../methods/index.js");
  const { printedCosts, renderTerminal } = await import("../../report/index.js");
  const { model: name, classes, shots } = printedCostSetting;
  const isPaper = setting.model === name && setting.classes === classes && setting.shots === shots;
  const printed = isPaper ? printedCosts() : {};
  if (json) {
    const methods = costs.map((cost) => ({
      ...cost,
      storedBytes: bytesPerValue * cost.stored,
      printed: printed[cost.method] ?? null,
    }));
    print(jsonText({ ...setting, methods }));
    return;
  }
  const { columns = 110 } = process.stdout;
  const table = costTable(costs, printed, setting, bytesPerValue);
  print(`${renderTerminal(table, terminalStyle(process.stdout))}\n`);
  for (const line of explanations(costs)) {
    print(`${new Help().boxWrap(line, Math.min(columns, 110))}\n`);
  }
}

function costTable(
  costs: readonly MethodCost[],
  printed: ReturnType<typeof printedCosts>,
  { model, classes, tasks, shots }: Setting,
  bytesPerValue: number,
): Table {
  const hasPrinted = Object.keys(printed).length > 0;
  const exact = (value: number) => value.toLocaleString("en");
  const inMegabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  const inMillions = (value: number) => (value === 0 ? "none" : `${value / 1e6}M`);
  const columns: { name: string; of(cost: MethodCost): number | undefined; format(value: number): string }[] =
    [
      { name: "Trainable", of: ({ trainable }) => trainable, format: exact },
      { name: "Paper", of: ({ method }) => printed[method]?.trainable, format: inMillions },
      { name: "Inference", of: ({ inference }) => inference, format: exact },
      { name: "Paper", of: ({ method }) => printed[method]?.inference, format: inMillions },
      {
        name: "Stored MB",
        of: ({ stored }) => stored * bytesPerValue,
        format: inMegabytes,
      },
      { name: "Training MB", of: ({ trainingBytes }) => trainingBytes, format: inMegabytes },
    ];
  const shown = columns.filter(({ name }) => hasPrinted || name !== "Paper");
  return {
    title: `Cost with ${model}, ${exact(classes)} classes, ${tasks} tasks, ${shots} shots`,
    caption: "Trainable parameters, and what is added to CLIP at inference.",
    rowHeader: "Method",
    columns: shown.map(({ name }) => name),
    rows: costs.map((cost) => ({ label: cost.method, values: shown.map(({ of }) => of(cost)) })),
    best: "none",
    format: (value, column) => shown[column]?.format(value) ?? "",
  };
}

/** One line for methods that cost the same for the same reason. */
function explanations(costs: readonly MethodCost[]): string[] {
  const distinct = new Set(costs.map(({ explanation }) => explanation));
  return Array.from(distinct, (text) => {
    const methods = costs.filter(({ explanation }) => explanation === text).map(({ method }) => method);
    return `${methods.join(", ")}: ${text}`;
  });
}
