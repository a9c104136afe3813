import { existsSync } from "node:fs";
import { relative, sep } from "node:path";
import { type DualEncoder, modelFingerprint } from "../clip/index.js";
import { type EmbedOptions, embedFiles, embedTexts } from "./embed-files.js";
import { formatOf } from "./files.js";
import { EmbeddingJournal } from "./journal.js";
import type { EmbeddedItem, EmbeddingsInfo } from "./types.js";

export interface WriteEmbeddingsOptions extends EmbedOptions {
  /** What the model is called in the file, such as its path. */
  readonly modelName: string;
  /** Whether an image that cannot be read ends the work. Default: it is left out and told. */
  readonly strict?: boolean;
  /** Called after each batch; `done` counts what an earlier process did too. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface WrittenEmbeddings {
  readonly rows: number;
  /** Items that were done before, by a process that ended early. */
  readonly resumed: number;
  readonly unreadable: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Writes unit vectors of images or texts to a file; its ending chooses the format: `.parquet`, `.npy` or
 * `.safetensors`, the last two with a CSV of names and labels beside them. What is done is kept in
 * `target.partial` until the file is whole: after a crash or an abort the same call goes on where it ended.
 * Memory does not grow with the number of items but for their names.
 * @param target the file; it must not exist
 * @throws if the file exists, the journal is of other items or another model, or the signal is aborted
 */
export async function writeEmbeddings(
  target: string,
  kind: EmbeddingsInfo["kind"],
  items: readonly EmbeddedItem[],
  model: DualEncoder,
  { modelName, strict = false, onProgress, ...options }: WriteEmbeddingsOptions,
): Promise<WrittenEmbeddings> {
  const format = formatOf(target);
  if (existsSync(target)) {
    throw new Error(`${target} exists already: expected a new file. Name another one, or remove it.`);
  }
  const info = { kind, width: model.config.embedDim, model: modelName, fingerprint: modelFingerprint(model) };
  const journal = EmbeddingJournal.open(target, items, info);
  const resumed = journal.done;
  const names = items.slice(resumed).map(({ name }) => name);
  const embed = kind === "images" ? embedFiles : embedTexts;
  for await (const batch of embed(model, names, options)) {
    journal.add(batch, resumed);
    const [failed] = journal.unreadable;
    if (strict && failed) throw new Error(`${failed.name}: ${failed.reason}. Replace it, or leave it out.`);
    onProgress?.(journal.done, items.length);
  }
  const { rows, unreadable } = journal;
  if (rows > 0) await format.write(target, info, rows, journal.read());
  journal.remove();
  return { rows, resumed, unreadable };
}

/**
 * Image files, labelled with the folder that each is in where that is below the place it was found in, as
 * datasets of folders have their classes.
 * @param files paths as `findImages` gives them   @param places that they were found in
 */
export function imageItems(files: readonly string[], places: readonly string[]): EmbeddedItem[] {
  return files.map((name) => {
    for (const place of places) {
      const path = relative(place, name);
      if (path.startsWith("..") || path === "") continue;
      const parts = path.split(sep);
      if (parts.length > 1) return { name, label: parts.at(-2) as string };
    }
    return { name, label: "" };
  });
}
