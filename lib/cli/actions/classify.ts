import { type DualEncoder, defaultTemplate, equalPrompts } from "../../clip/index.js";
import { classifyFiles } from "../../data/index.js";
import {
  describeCloseCalls,
  indistinct,
  modelSettings,
  openModel,
  resolveModel,
} from "../../experiment/index.js";
import { type Precision, UsageError } from "../../options/index.js";
import { cuda, scope } from "../../torch/index.js";
import type { ClassifyFlags } from "../commands/classify.js";
import { findNamedImages, type NamedImages } from "../input/images.js";
import { automaticPrecision, warnIfSlow } from "../input/precision.js";
import { labelsOf } from "../input/served-labels.js";
import { abortOnInterrupt } from "../interrupt.js";
import {
  type ClassificationOutput,
  jsonLinesOutput,
  jsonOutput,
  tableOutput,
} from "../output/classification-output.js";
import { percentMeaning } from "../output/percent-meaning.js";
import { print, tell } from "../output/print.js";
import { Progress } from "../output/progress.js";
import { terminalStyle } from "../output/terminal-style.js";
import { unreadableImages } from "../output/unreadable-images.js";

/** The action of `codyra classify`. */
export async function classify(places: string[], flags: ClassifyFlags): Promise<void> {
  const { device = "cpu" } = flags;
  const settings = { model: "miniature", ...flags };
  const { labels, isServed, areGiven } = labelsOf(settings);
  if (isServed && flags.confirm) throw headNotConfirmed();
  cuda.checkDevice(device);
  const images = await findNamedImages(places, flags);
  const unreadable = [...images.missing];
  const output = createOutput(flags, images, labels);
  for (const { name, reason } of unreadable) output.add({ path: name, error: reason });

  if (images.count > 0) {
    const { precision, confirm } = precisionOf(flags, { images: images.count, canConfirm: !isServed });
    // A head can be of any method, and these are more to load than all the rest.
    const protocol = isServed || confirm ? await import("../../protocol/index.js") : undefined;
    const { template, top: topK, batchSize, strict } = flags;
    const computed = confirm ? "fp32" : precision;
    const model = openModel(modelSettings(settings), device, computed, { shareFile: true });
    if (areGiven) checkDistinct(model, labels, flags);
    warnIfSlow({ device, precision }, (line) => tell(`${line}\n`));
    const progress = startProgress(flags, images.count);
    let done = 0;
    let meaning: string | undefined;
    const { signal } = abortOnInterrupt(() => tell(`\nStopping after ${done} of ${images.count} images.\n`));
    try {
      await scope(async () => {
        using head = isServed ? protocol?.openHead(model, resolveModel(settings.model)) : undefined;
        const given = { template, batchSize, images: images.count };
        using confirmed =
          confirm && protocol ? new protocol.ConfirmedClassifier(model, labels, given) : undefined;
        meaning = percentMeaning(model, head);
        const candidates = areGiven
          ? { classes: labels, templates: template ?? [defaultTemplate] }
          : flags.dataset;
        const { probabilities } = head?.classifier(candidates) ?? confirmed ?? {};
        const options = { ...given, topK, signal, probabilities };
        for await (const result of classifyFiles(model, images.paths(), labels, options)) {
          output.add(result);
          progress?.update(++done, images.count);
          if (!("error" in result)) continue;
          unreadable.push({ name: result.path, reason: result.error });
          if (strict) break;
        }
        if (confirmed !== undefined) tell(`${describeCloseCalls(confirmed.closeCalls)}\n`);
      });
    } finally {
      progress?.finish();
      model.dispose();
      output.end();
    }
    if (meaning !== undefined && isTable(flags)) tell(`${meaning}\n`);
  } else output.end();
  if (unreadable.length > 0) throw unreadableImages(unreadable);
}

function precisionOf(
  { precision, confirm = false, device = "cpu" }: ClassifyFlags,
  given: { readonly images: number; readonly canConfirm: boolean },
): { readonly precision: Precision | undefined; readonly confirm: boolean } {
  return precision === "auto" ? automaticPrecision({ device, ...given }) : { precision, confirm };
}

/** Labels that differ may be the same tokens: in lower case, or once they are cut. */
function checkDistinct(
  model: DualEncoder,
  labels: readonly string[],
  { template, labelsFile = "--labels" }: ClassifyFlags,
): void {
  try {
    const [merged] = equalPrompts(model.tokenizer, labels, template);
    if (merged !== undefined) throw new UsageError(`${labelsFile}: ${indistinct(...merged)}`);
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function headNotConfirmed(): UsageError {
  return new UsageError(
    "--confirm: expected a model without a head, or --no-head and labels, got a head, which reads features in one precision. Leave --confirm out.",
  );
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

function isTable({ json, jsonLines }: ClassifyFlags): boolean {
  return !json && !jsonLines;
}

/** Shows progress of several batches, unless lines that appear on the terminal are progress enough. */
function startProgress({ json, batchSize }: ClassifyFlags, total: number): Progress | undefined {
  if (total <= batchSize || (process.stdout.isTTY && !json)) return undefined;
  const progress = new Progress();
  progress.start("classifying");
  return progress;
}
