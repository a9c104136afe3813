import { Command } from "commander";
import type { ModelSettings } from "../../experiment/index.js";
import { type Device, type Precision, readTextLines, UsageError } from "../../options/index.js";
import { checkDevice } from "../input/device.js";
import { settingFlag } from "../input/flags.js";
import { findNamedImages } from "../input/images.js";
import { addModelOptions } from "../input/model-options.js";
import { positiveInteger } from "../input/positive-integer.js";
import { precisionOption, warnIfSlow } from "../input/precision.js";
import { abortOnInterrupt } from "../interrupt.js";
import { print, tell } from "../output/print.js";
import { Progress } from "../output/progress.js";
import { unreadableImages } from "../output/unreadable-images.js";

interface EmbedFlags extends Partial<ModelSettings> {
  to: string;
  texts?: string;
  batchSize: number | "auto";
  device?: Device;
  precision?: Precision;
  strict?: boolean;
  json?: boolean;
}

/** `codyra embed`: vectors of images or texts, in a file. */
export function embedCommand(): Command {
  const command = new Command("embed")
    .description("Write the vectors of images or texts to a file, for search and for other programs.")
    .argument("[image...]", "image files, folders of images, or quoted patterns such as 'photos/**/*.jpg'")
    .requiredOption("--to <file>", "file to make: .parquet, .npy or .safetensors")
    .option("--texts <file>", "embed the lines of a text file instead of images");
  return addModelOptions(command)
    .option("--batch-size <n>", "items per pass, or auto", batchSize, "auto")
    .addOption(settingFlag("device"))
    .addOption(precisionOption())
    .option("--strict", "stop at the first image that cannot be read")
    .option("--json", "print what was written as JSON")
    .addHelpText(
      "after",
      `
A row has the path of an image or the text, the image's folder below the given one, and a unit vector of float32. The file
also says which model made it. Parquet has a list column that pandas, DuckDB, Polars and LanceDB read; .npy and .safetensors have a CSV
of names beside them.

Work that was stopped goes on with the same command; it is kept in FILE.partial until then. Images that cannot be read are told at the
end, with exit code 1; their rows are left out.

Examples:
  $ codyra embed --model shop-clip --to photos.parquet photos/
  $ codyra embed --model shop-clip --to queries.npy --texts queries.txt
  $ codyra search --index photos.parquet "a red shoe"`,
    )
    .action(embed);
}

async function embed(places: string[], flags: EmbedFlags): Promise<void> {
  const { texts, to, device = "cpu", precision } = flags;
  if ((texts === undefined) === (places.length === 0)) {
    throw new UsageError(
      `Input: expected images or --texts, got ${texts === undefined ? "neither" : "both"}. Give one of them.`,
    );
  }
  await checkDevice(device);
  const { imageItem, writeEmbeddings } = await import("../../embeddings/index.js");
  const { modelSettings, openModel } = await import("../../experiment/index.js");
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
    strict: flags.strict,
    signal: interrupt.signal,
    onProgress: (done) => progress.update(done, total),
  });
  progress.finish();
  model.dispose();
  unreadable.push(...written.unreadable);
  const { rows, resumed } = written;
  const path = rows > 0 ? to : null;
  if (flags.json) print(`${JSON.stringify({ path, kind, rows, resumed, unreadable }, null, 2)}\n`);
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

function batchSize(text: string): number | "auto" {
  return text === "auto" ? text : positiveInteger(text);
}
