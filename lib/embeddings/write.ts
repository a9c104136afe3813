import { existsSync, mkdirSync } from "node:fs";
import { dirname, relative, sep } from "node:path";
import { type DualEncoder, modelFingerprint } from "../clip/index.js";
import { explainFullDisk, type LockOptions, withLock } from "../files/index.js";
import { type EmbedOptions, embedFiles, embedTexts } from "./embed-files.js";
import { formatOf } from "./files.js";
import type { EmbeddingFormat } from "./formats/format.js";
import { type DoneItem, EmbeddingJournal, fileState } from "./journal.js";
import type { EmbeddedItem, EmbeddingsInfo } from "./types.js";

export interface WriteEmbeddingsOptions extends EmbedOptions {
  /** Name of the model in the file, such as its path. */
  readonly modelName: string;
  /** Whether an image that cannot be read ends the work. Default: it is left out and told. */
  readonly strict?: boolean;
  /** Called after each batch; `done` counts what an earlier process did too. */
  readonly onProgress?: (done: number) => void;
}

/** Images or texts, as they come. */
export type Items = Iterable<EmbeddedItem> | AsyncIterable<EmbeddedItem>;

export interface WrittenEmbeddings {
  readonly rows: number;
  /** Items that were done before, by a process that ended early. */
  readonly resumed: number;
  readonly unreadable: readonly { readonly name: string; readonly reason: string }[];
}

/** How long the lock of another machine's process may go untouched: a batch may block it for seconds. */
const abandonedAfterMs = 60_000;

/**
 * Writes unit vectors of images or texts to a file. Its ending chooses the format: `.parquet`, `.npy` or
 * `.safetensors`, the last two with a CSV of names and labels beside them. What is done is kept in
 * `target.partial` until the file is whole. After a crash or an abort, the same call goes on where it ended.
 * Images overwritten since then are embedded again, with all that come after the first of them.
 * Memory does not grow with the number of items. One process at a time writes a file: its lock is
 * `target.lock`.
 * @param target the file; neither it nor what belongs beside it may exist
 * @param items a list, or a stream that begins alike whenever it is asked for
 * @throws if the file exists or another process writes it, the journal is of other items or another model, or
 * the signal is aborted
 */
export async function writeEmbeddings(
  target: string,
  kind: EmbeddingsInfo["kind"],
  items: Items,
  model: DualEncoder,
  options: WriteEmbeddingsOptions,
): Promise<WrittenEmbeddings> {
  const format = formatOf(target); // before a lock is left in a folder
  mkdirSync(dirname(target), { recursive: true });
  const write = () => writeAlone(target, format, { kind, items }, model, options);
  const refuse = inUse(target);
  return await withLock(target, write, { signal: options.signal, refuse, abandonedAfterMs });
}

async function writeAlone(
  target: string,
  format: EmbeddingFormat,
  { kind, items }: Pick<EmbeddingsInfo, "kind"> & { readonly items: Items },
  model: DualEncoder,
  { modelName, strict = false, onProgress, ...options }: WriteEmbeddingsOptions,
): Promise<WrittenEmbeddings> {
  checkNew(target, format);
  const info = { kind, width: model.config.embedDim, model: modelName, fingerprint: modelFingerprint(model) };
  const stream = streamOf(items);
  try {
    const journal = await EmbeddingJournal.open(target, stream, info);
    const resumed = journal.done;
    const taken = new ItemsInWork(kind, restOf(journal, stream));
    const embed = kind === "images" ? embedFiles : embedTexts;
    for await (const { positions, vectors, unreadable } of embed(model, taken.names(), options)) {
      const reasons = new Map(unreadable.map(({ position, reason }) => [position, reason]));
      journal.add(taken.finish(Math.max(positions.at(-1) ?? -1, ...reasons.keys()), reasons), vectors);
      const [failed] = journal.unreadable;
      if (strict && failed) throw new Error(`${failed.name}: ${failed.reason}. Replace it, or leave it out.`);
      onProgress?.(journal.done);
    }
    const { rows, unreadable } = journal;
    if (rows > 0) await format.write(target, info, rows, journal.read());
    journal.remove();
    return { rows, resumed, unreadable };
  } catch (error) {
    const advice = "The rows embedded so far are kept. Free some, then run the same command again.";
    throw explainFullDisk(error, target, { advice });
  } finally {
    await stream.return(undefined);
  }
}

/**
 * A process that ended between two of the files has left a journal, and then its files are written again.
 * @throws if the file or one of those beside it is there, and may be something else of the user
 */
function checkNew(target: string, format: EmbeddingFormat): void {
  const others = EmbeddingJournal.exists(target) ? [] : format.besides(target);
  const taken = [target, ...others].find((path) => existsSync(path));
  if (taken === undefined) return;
  const why = taken === target ? "a new file" : `none, since it belongs to ${target}`;
  throw new Error(`${taken} exists already: expected ${why}. Name another one, or remove it.`);
}

function inUse(target: string): LockOptions["refuse"] {
  return ({ pid = "unknown", host = "unknown" }, lock) =>
    new Error(
      `${target} is being written by process ${pid} on ${host}: expected one writer. ` +
        `Wait until it ends, or name another file (its lock is ${lock}).`,
    );
}

async function* streamOf<T>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  yield* items;
}

async function* restOf({ again }: EmbeddingJournal, stream: AsyncIterable<EmbeddedItem>) {
  if (again !== undefined) yield again;
  yield* stream;
}

/** Items that the model or a decoder has, in order. */
class ItemsInWork {
  readonly #items: DoneItem[] = [];
  #finished = 0;

  constructor(
    readonly kind: EmbeddingsInfo["kind"],
    readonly stream: AsyncIterable<EmbeddedItem>,
  ) {}

  async *names(): AsyncGenerator<string, void, undefined> {
    for await (const item of this.stream) {
      this.#items.push({ ...item, ...fileState(this.kind, item) });
      yield item.name;
    }
  }

  /** Gives up the items up to a position, with why they could not be read, if so. */
  finish(last: number, reasons: ReadonlyMap<number, string>): DoneItem[] {
    const done = this.#items.splice(0, last + 1 - this.#finished);
    const first = this.#finished;
    this.#finished += done.length;
    return done.map((item, i) => {
      const reason = reasons.get(first + i);
      return reason === undefined ? item : { ...item, reason };
    });
  }
}

/**
 * Labels an image file with its folder, where that is below the place it was found in, as datasets of folders
 * have their classes.
 * @param name its path as `listImages` gives it   @param places that were listed
 */
export function imageItem(name: string, places: readonly string[]): EmbeddedItem {
  for (const place of places) {
    const path = relative(place, name);
    if (path.startsWith("..") || path === "") continue;
    const parts = path.split(sep);
    if (parts.length > 1) return { name, label: parts.at(-2) as string };
  }
  return { name, label: "" };
}
