import { Command } from "commander";
import type { ModelSettings } from "../../experiment/index.js";
import type { Device, Precision } from "../../options/index.js";
import { UsageError } from "../../options/index.js";
import { settingFlag } from "../input/flags.js";
import { readLabels } from "../input/labels.js";
import { addModelOptions } from "../input/model-options.js";
import { positiveInteger } from "../input/positive-integer.js";
import { confirmablePrecisionOption } from "../input/precision.js";

export interface ClassifyFlags extends Partial<ModelSettings> {
  labels?: string;
  labelsFile?: string;
  template?: string[];
  top: number;
  batchSize: number;
  device?: Device;
  precision?: Precision | "auto";
  confirm?: boolean;
  strict?: boolean;
  json?: boolean;
  jsonLines?: boolean;
  /** False after `--no-head`. */
  head?: boolean;
  dataset?: string;
}

/** `codyra classify`: zero-shot classification of image files. */
export function classifyCommand(): Command {
  const command = new Command("classify")
    .description("Classify image files by labels given as text.")
    .argument("<image...>", "image files, folders of images, or quoted patterns such as 'photos/**/*.jpg'");
  return addModelOptions(command)
    .option("--labels <list>", "labels, separated by commas")
    .option("--labels-file <file>", "text file with a label on each line")
    .option(
      "--template <text>",
      'prompt with {} for the label; may be repeated, to average over all (default: "a photo of a {}.")',
      (template: string, before: string[] = []) => [...before, template],
    )
    .option("--dataset <name>", "let only the classes of this dataset compete, for a model with a head")
    .option("--no-head", "classify by CLIP's weights and the labels given, where a head lies beside them")
    .option("--top <n>", "labels to print per image", positiveInteger, 5)
    .option("--batch-size <n>", "images per pass", positiveInteger, 32)
    .addOption(settingFlag("device"))
    .addOption(confirmablePrecisionOption())
    .option(
      "--confirm",
      "with --precision bf16, and always with auto: close calls once more in fp32, so that the first label is its own",
    )
    .option("--strict", "stop at the first image that cannot be read")
    .option("--json", "print a JSON array")
    .option("--json-lines", "print a line of JSON per image")
    .addHelpText(
      "after",
      `
In folders, and all below them, every file with an image's extension is classified, however many there are; memory does not grow with
their number. Images that cannot be read are told at the end, with exit code 1; in JSON they have "error" instead of "predictions". Ctrl-C
keeps what was printed, and a JSON array is closed.

% is the share of a label among those given. A SigLIP judges each label by itself: its % need not add up to 100. The heads of rail-* and
codyra+rail-* mix CLIP's probabilities with the scores of a regression. These rank labels, and may lie outside of 0 to 100.

A model that was exported with a head (codyra_head.safetensors) knows its classes and answers as the run did, so it takes no labels. Only
that of a run with unlearnedTexts=first takes some: it reads names that were never learned by the first text encoder.

On processors with instructions for bf16, --precision auto is faster for many images. Images whose best two labels are close
are encoded once more in fp32. The command tells how many were, and how many of them got another first label. --precision bf16
--confirm does so on any processor. A model with a head is encoded in fp32.

Examples:
  $ codyra classify --labels "circle,square" drawing.png
  $ codyra classify --model shop-clip --labels-file flowers.txt --template "a photo of a {}, a type of flower." photos/
  $ codyra classify --model shop-rail photos/                    # with its head: no labels needed
  $ codyra classify --model shop-rail --dataset flowers photos/
  $ codyra classify --model shop-statra --labels-file shop.txt photos/   # with a head of unlearnedTexts=first
  $ codyra classify --model shop-clip --labels-file shop.txt --json-lines photos/ > photos.jsonl
  $ codyra classify --model shop-clip --labels-file shop.txt --precision auto photos/`,
    )
    .action(async (places: string[], flags: ClassifyFlags) => {
      checkFlags(flags);
      if (flags.model === undefined) readLabels(flags); // before anything is loaded
      const { classify } = await import("../actions/classify.js");
      await classify(places, flags);
    });
}

function checkFlags({ template = [], json, jsonLines, confirm, precision }: ClassifyFlags): void {
  const wrong = template.find((text) => !text.includes("{}"));
  if (wrong !== undefined)
    throw new UsageError(`--template: expected {} where the label goes, got '${wrong}'. Put one in.`);
  if (json && jsonLines)
    throw new UsageError("Output: expected --json or --json-lines, got both. Leave one out.");
  if (confirm && precision !== "bf16" && precision !== "auto") {
    throw new UsageError(
      `--confirm: expected --precision bf16, whose close calls it confirms, got ${precision ?? "none"}. Add it, or leave --confirm out.`,
    );
  }
}
