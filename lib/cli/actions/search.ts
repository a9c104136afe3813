import {
  embedFiles,
  embedTexts,
  modelFingerprint,
  type OpenedEmbeddings,
  openEmbeddings,
  openIndexSearch,
} from "../../embeddings/index.js";
import { modelSettings, openModel } from "../../experiment/index.js";
import { jsonText } from "../../files/index.js";
import { UsageError } from "../../options/index.js";
import { cuda, fromTypedArray } from "../../torch/index.js";
import type { SearchFlags } from "../commands/search.js";
import { abortOnInterrupt } from "../interrupt.js";
import { print, tell } from "../output/print.js";
import { Progress } from "../output/progress.js";

interface Found {
  readonly query: string;
  readonly results: readonly { readonly name: string; readonly label: string; readonly score: number }[];
}

/** The action of `codyra search`. */
export async function search(texts: string[], flags: SearchFlags): Promise<void> {
  const { image: images = [], index } = flags;
  if (texts.length + images.length === 0)
    throw new UsageError("Queries: expected a text or --image, got neither. Give one.");
  if (flags.exact && flags.approximate)
    throw new UsageError("Search: expected --exact or --approximate, got both. Leave one out.");
  const { device = "cpu", precision } = flags;
  cuda.checkDevice(device);
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
      using asked = fromTypedArray(batch.vectors, [batch.positions.length, info.width]);
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
  if (flags.json) print(jsonText(found));
  else for (const each of found) print(formatFound(each));
}

/** Making an index is told as progress; Ctrl-C leaves nothing of it. */
async function prepareSearch(
  path: string,
  opened: OpenedEmbeddings,
  { exact, approximate }: SearchFlags,
  signal: AbortSignal,
) {
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
