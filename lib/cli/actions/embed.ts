import { imageItem, writeEmbeddings } from "../../embeddings/index.js";
import { modelSettings, openModel } from "../../experiment/index.js";
import { jsonText } from "../../files/index.js";
import { readTextLines, UsageError } from "../../options/index.js";
import { cuda } from "../../torch/index.js";
import type { EmbedFlags } from "../commands/embed.js";
import { findNamedImages } from "../input/images.js";
import { warnIfSlow } from "../input/precision.js";
import { abortOnInterrupt } from "../interrupt.js";
import { print, tell } from "../output/print.js";
import { Progress } from "../output/progress.js";
import { unreadableImages } from "../output/unreadable-images.js";

/** The action of `codyra embed`. */
export async function embed(places: string[], flags: EmbedFlags): Promise<void> {
  const { texts, to, device = "cpu", precision } = flags;
  if ((texts === undefined) === (places.length === 0)) {
    throw new UsageError(
      `Input: expected images or --texts, got ${texts === undefined ? "neither" : "both"}. Give one of them.`,
    );
  }
  cuda.checkDevice(device);
  const images = texts === undefined ? await findNamedImages(places, flags) : undefined;
  const unreadable = [...(images?.missing ?? [])];
  const lines = texts === undefined ? [] : readTexts(texts);
  const total = images?.count ?? lines.length;
  if (total === 0) throw unreadableImages(unreadable);
  const items = async function* () {
    yield* lines;
    if (images) for await (const path of images.paths()) yield imageItem(path, places);
  };

  const settings = modelSettings({ model: "miniature", ...flags });
  const model = openModel(settings, device, precision, { shareFile: true });
  warnIfSlow({ device, precision }, (line) => tell(`${line}\n`));
  const interrupt = abortOnInterrupt(() => tell("\nStopping; the same command goes on from here.\n"));
  const kind = texts === undefined ? "images" : "texts";
  const progress = new Progress();
  progress.start(`embedding ${kind}`);
  const written = await writeEmbeddings(to, kind, items(), model, {
    modelName: settings.model,
    batchSize: flags.batchSize === "auto" ? automaticBatchSize(device) : flags.batchSize,
    images: total,
    strict: flags.strict,
    signal: interrupt.signal,
    onProgress: (done) => progress.update(done, total),
  });
  progress.finish();
  model.dispose();
  unreadable.push(...written.unreadable);
  const { rows, resumed } = written;
  const path = rows > 0 ? to : null;
  if (flags.json) print(jsonText({ path, kind, rows, resumed, unreadable }));
  else if (rows > 0) print(`${to}\n`);
  if (unreadable.length > 0) throw unreadableImages(unreadable);
}

/** Larger batches are no faster on a processor, and on a GPU these keep it busy. */
function automaticBatchSize(device: string): number {
  return device.startsWith("cuda") ? 256 : 64;
}

function readTexts(path: string): { name: string; label: string }[] {
  const lines = readTextLines(path, `--texts ${path}`);
  if (lines.length === 0)
    throw new UsageError(`--texts ${path}: expected a text on each line, got none. Write some.`);
  return lines.map((name) => ({ name, label: "" }));
}
