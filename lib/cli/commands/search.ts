import { Command } from "commander";
import type { OpenedEmbeddings } from "../../embeddings/index.js";
import type { ModelSettings } from "../../experiment/index.js";
import { type Device, type Precision, UsageError } from "../../options/index.js";
import { checkDevice } from "../input/device.js";
import { settingFlag } from "../input/flags.js";
import { addModelOptions } from "../input/model-options.js";
import { positiveInteger } from "../input/positive-integer.js";
import { precisionOption } from "../input/precision.js";
import { abortOnInterrupt } from "../interrupt.js";
import { print, tell } from "../output/print.js";
import { Progress } from "../output/progress.js";

interface SearchFlags extends Partial<ModelSettings> {
  index: string;
  image?: string[];
  top: number;
  device?: Device;
  precision?: Precision;
  anyModel?: boolean;
  exact?: boolean;
  approximate?: boolean;
  json?: boolean;
}

/** `codyra search`: the nearest rows of a file of vectors, for texts or images. */
export function searchCommand(): Command {
  const command = new Command("search")
    .description("Find the images or texts of a file of vectors that are nearest to a text or an image.")
    .argument("[text...]", "what to look for, each text by itself")
    .requiredOption("--index <file>", "vectors that codyra embed wrote")
    .option("--image <file...>", "look for what resembles these images");
  return addModelOptions(command)
    .option("--top <n>", "rows to print for each query", positiveInteger, 10)
    .addOption(settingFlag("device"))
    .addOption(precisionOption())
    .option("--exact", "compare every vector, even if there is an approximate index")
    .option("--approximate", "make an approximate index beside the file and search that")
    .option("--any-model", "search even if the vectors are of another model")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Up to a million vectors, the search is exact: every vector is compared. With --approximate, and beyond, it uses an index that lies beside
the file (FILE.usearch) from then on, and is made again when the vectors have changed: it misses few of the nearest rows, and reads no vectors.

Texts are embedded as they are written: "a photo of a red shoe" finds more than "shoe". The model is the one that the vectors were made with, unless --model names another.

Examples:
  $ codyra search --index photos.parquet "a red shoe" "a blue bag"
  $ codyra search --index photos.parquet --image this.jpg --top 3 --json
  $ codyra search --index million.npy --approximate "a red shoe"`,
    )
    .action(search);
}

interface Found {
  readonly query: string;
  readonly results: readonly { readonly name: string; readonly label: string; readonly score: number }[];
}

async function search(texts: string[], flags: SearchFlags): Promise<void> {
  const { image: images = [], index } = flags;
  if (texts.length + images.length === 0)
    throw new UsageError("Queries: expected a text or --image, got neither. Give one.");
  if (flags.exact && flags.approximate)
    throw new UsageError("Search: expected --exact or --approximate, got both. Leave one out.");
  const { device = "cpu", precision } = flags;
  await checkDevice(device);
  const { embedFiles, embedTexts, modelFingerprint, openEmbeddings } = await import(
    "../../embeddings/index.js"
  );
  const { modelSettings, openModel } = await import("../../experiment/index.js");
  const torch = await import("../../torch/index.js");
  const opened = await openEmbeddings(index);
  const { info, items } = opened;
  const settings = modelSettings({ ...flags, model: flags.model ?? info.model });
  const model = openModel(settings, device, precision, { shareFile: true });
  const fingerprint = modelFingerprint(model);
  if (fingerprint !== info.fingerprint && !flags.anyModel) {
    throw new Error(
      `${index}: expected vectors of ${settings.model}, got those of ${info.model} with other weights, sizes or precision. ` +
        "Embed again, name the model that was used with --model, or search all the same with --any-model.",
    );
  }
  const { signal } = abortOnInterrupt(() => tell("\nStopping.\n"));
  using prepared = await prepareSearch(index, opened, flags, signal);
  const found: Found[] = [];
  for (const { queries, batches } of [
    { queries: texts, batches: embedTexts(model, texts, { signal }) },
    { queries: images, batches: embedFiles(model, images, { signal }) },
  ]) {
    if (queries.length === 0) continue;
    for await (const batch of batches) {
      const [failed] = batch.unreadable;
      if (failed)
        throw new Error(`${queries[failed.position]}: ${failed.reason}. Give an image that can be read.`);
      using asked = torch.fromTypedArray(batch.vectors, [batch.positions.length, info.width]);
      const { rows, scores, k } = prepared.find(asked, flags.top);
      for (const [i, position] of batch.positions.entries()) {
        const results = Array.from(rows.subarray(i * k, (i + 1) * k), (row, at) => ({
          ...(items[row] as (typeof items)[number]),
          score: scores[i * k + at] as number,
        }));
        found.push({ query: queries[position] as string, results });
      }
    }
  }
  model.dispose();
  if (flags.json) print(`${JSON.stringify(found, null, 2)}\n`);
  else for (const each of found) print(formatFound(each));
}

/** Making an index is told as progress; Ctrl-C leaves nothing of it. */
async function prepareSearch(
  path: string,
  opened: OpenedEmbeddings,
  { exact, approximate }: SearchFlags,
  signal: AbortSignal,
) {
  const { openIndexSearch } = await import("../../embeddings/index.js");
  const progress = new Progress();
  let isBuilding = false;
  const search = await openIndexSearch(path, opened, {
    mode: exact ? "exact" : approximate ? "approximate" : "auto",
    signal,
    onNote: (note) => progress.say(note),
    onProgress: (done, total) => {
      if (!isBuilding) progress.start("making the index");
      isBuilding = true;
      progress.update(done, total);
    },
  });
  progress.finish();
  return search;
}

function formatFound({ query, results }: Found): string {
  const width = results.reduce((most, { label }) => Math.max(most, label.length), 0);
  const lines = results.map(({ name, label, score }) =>
    [score.toFixed(3), ...(width > 0 ? [label.padEnd(width)] : []), name].join("  "),
  );
  return `${query}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}
