import { Command } from "commander";
import type { ModelSettings } from "../../experiment/index.js";
import type { Device, Precision } from "../../options/index.js";
import { UsageError } from "../../options/index.js";
import { checkDevice } from "../input/device.js";
import { settingFlag } from "../input/flags.js";
import { findNamedImages, type NamedImages } from "../input/images.js";
import { readLabels } from "../input/labels.js";
import { addModelOptions } from "../input/model-options.js";
import { positiveInteger } from "../input/positive-integer.js";
import { precisionOption, warnIfSlow } from "../input/precision.js";
import { abortOnInterrupt } from "../interrupt.js";
import {
  type ClassificationOutput,
  jsonLinesOutput,
  jsonOutput,
  tableOutput,
} from "../output/classification-output.js";
import { print, tell } from "../output/print.js";
import { Progress } from "../output/progress.js";
import { terminalStyle } from "../output/terminal-style.js";
import { unreadableImages } from "../output/unreadable-images.js";

interface ClassifyFlags extends Partial<ModelSettings> {
  labels?: string;
  labelsFile?: string;
  template?: string[];
  top: number;
  batchSize: number;
  device?: Device;
  precision?: Precision;
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
    .option("--dataset <name>", "of a model with a head: only the classes of this dataset compete")
    .option("--no-head", "classify by CLIP's weights and the labels given, where a head lies beside them")
    .option("--top <n>", "labels to print per image", positiveInteger, 5)
    .option("--batch-size <n>", "images per pass", positiveInteger, 32)
    .addOption(settingFlag("device"))
    .addOption(precisionOption())
    .option("--strict", "stop at the first image that cannot be read")
    .option("--json", "print a JSON array")
    .option("--json-lines", "print a line of JSON per image")
    .addHelpText(
      "after",
      `
Of folders, with all below them, the files with an image's extension are taken, as many as there are: none is held longer than its turn
takes. Images that cannot be read are told at the end, with exit code 1; in JSON they have "error" instead of "predictions". Ctrl-C
keeps what was printed, and a JSON array is closed.

A model that was exported with a head (codyra_head.safetensors) knows its classes and answers as the run did, so it takes no labels.

Examples:
  $ codyra classify --labels "circle,square" drawing.png
  $ codyra classify --model shop-clip --labels-file flowers.txt --template "a photo of a {}, a type of flower." photos/
  $ codyra classify --model shop-rail photos/                    # with its head: no labels needed
  $ codyra classify --model shop-rail --dataset flowers photos/

  $ codyra classify --model shop-clip --labels-file shop.txt --json-lines photos/ > photos.jsonl`,
    )
    .action(classify);
}

async function classify(places: string[], flags: ClassifyFlags): Promise<void> {
  const { device = "cpu", precision } = flags;
  checkFlags(flags);
  if (flags.model === undefined) readLabels(flags); // before anything is loaded
  const { labelsOf } = await import("../input/served-labels.js");
  const settings = { model: "miniature", ...flags };
  const { labels, isServed } = labelsOf(settings);
  await checkDevice(device);
  const images = await findNamedImages(places, flags);
  const unreadable = [...images.missing];
  const output = createOutput(flags, images, labels);
  for (const { name, reason } of unreadable) output.add({ path: name, error: reason });

  if (images.count > 0) {
    const { modelSettings, openModel, resolveModel } = await import("../../experiment/index.js");
    const { classifyFiles } = await import("../../data/index.js");
    const { openHead } = await import("../../protocol/index.js");
    const { scope } = await import("../../torch/index.js");
    const { template, top: topK, batchSize, strict } = flags;
    const model = openModel(modelSettings(settings), device, precision, { shareFile: true });
    warnIfSlow({ device, precision }, (line) => tell(`${line}\n`));
    const progress = startProgress(flags, images.count);
    let done = 0;
    const { signal } = abortOnInterrupt(() => tell(`\nStopping after ${done} of ${images.count} images.\n`));
    try {
      await scope(async () => {
        using head = isServed ? openHead(model, resolveModel(settings.model)) : undefined;
        const probabilities = head?.classifier(flags.dataset).probabilities;
        const options = { template, topK, batchSize, signal, probabilities };
        for await (const result of classifyFiles(model, images.paths(), labels, options)) {
          output.add(result);
          progress?.update(++done, images.count);
          if (!("error" in result)) continue;
          unreadable.push({ name: result.path, reason: result.error });
          if (strict) break;
        }
      });
    } finally {
      progress?.finish();
      model.dispose();
      output.end();
    }
  } else output.end();
  if (unreadable.length > 0) throw unreadableImages(unreadable);
}

function checkFlags({ template = [], json, jsonLines }: ClassifyFlags): void {
  const wrong = template.find((text) => !text.includes("{}"));
  if (wrong !== undefined)
    throw new UsageError(`--template: expected {} where the label goes, got '${wrong}'. Put one in.`);
  if (json && jsonLines)
    throw new UsageError("Output: expected --json or --json-lines, got both. Leave one out.");
}

function createOutput(
  { json, jsonLines }: ClassifyFlags,
  { longestPath }: NamedImages,
  labels: readonly string[],
): ClassificationOutput {
  if (json) return jsonOutput(print);
  if (jsonLines) return jsonLinesOutput(print);
  return tableOutput(print, { longestPath, labels, ...terminalStyle(process.stdout) });
}

/** Shows progress of several batches, unless lines that appear on the terminal are progress enough. */
function startProgress({ json, batchSize }: ClassifyFlags, total: number): Progress | undefined {
  if (total <= batchSize || (process.stdout.isTTY && !json)) return undefined;
  const progress = new Progress();
  progress.start("classifying");
  return progress;
}
