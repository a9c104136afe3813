import {
  appendFileSync,
  closeSync,
  createReadStream,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { EmbeddedItem, EmbeddingsInfo } from "./types.js";

const rowsPerRead = 4096;

const folderOf = (target: string): string => `${target}.partial`;
const descriptionOf = (target: string): string => join(folderOf(target), "job.json");

/** Vectors with what they stand for; `vectors` is valid until the next part is asked for. */
export interface EmbeddingRows {
  readonly items: readonly EmbeddedItem[];
  /** `[items, width]`, row after row. */
  readonly vectors: Float32Array;
}

/** Tells whether a file was overwritten. Texts and files that are missing have neither. */
export interface FileState {
  readonly bytes?: number;
  readonly modifiedMs?: number;
}

/** An item that is done; one that could not be read has no vector, and says why. */
export interface DoneItem extends EmbeddedItem, FileState {
  readonly reason?: string;
}

/** Ask for it before the item is read: a file that is overwritten meanwhile then counts as changed. */
export function fileState(kind: EmbeddingsInfo["kind"], { name }: EmbeddedItem): FileState {
  if (kind === "texts") return {};
  try {
    const { size, mtimeMs } = statSync(name);
    return { bytes: size, modifiedMs: mtimeMs };
  } catch {
    return {}; // reading it says why
  }
}

/**
 * Vectors on their way to a file, in a folder beside it. A process that ends at any moment leaves at most the
 * batch that it was working on to do again. `rows.jsonl` has a line for each item that is done, `vectors.f32`
 * the vectors of those that could be read. Neither is held in memory.
 */
export class EmbeddingJournal {
  /** Items that are done, from the first on. */
  done = 0;
  /** Items with a vector. */
  rows = 0;
  readonly unreadable: { readonly name: string; readonly reason: string }[] = [];
  /** An item that was taken to compare it and has to be done again; it comes before those left. */
  again: EmbeddedItem | undefined;
  readonly #rowsFile: string;
  readonly #vectorsFile: string;

  private constructor(
    readonly folder: string,
    readonly info: EmbeddingsInfo,
  ) {
    this.#rowsFile = join(folder, "rows.jsonl");
    this.#vectorsFile = join(folder, "vectors.f32");
  }

  /** Whether a file was begun, and is not whole yet. */
  static exists(target: string): boolean {
    return existsSync(descriptionOf(target));
  }

  /**
   * Opens the journal of a file, or begins one.
   * @param target the file that is made in the end; the journal is `target.partial`
   * @param items all that will be embedded: those that are done are taken from it
   * @throws if the journal is of other items or of another model
   */
  static async open(
    target: string,
    items: AsyncIterator<EmbeddedItem>,
    info: EmbeddingsInfo,
  ): Promise<EmbeddingJournal> {
    const folder = folderOf(target);
    const description = descriptionOf(target);
    if (existsSync(description)) {
      const begun = JSON.parse(readFileSync(description, "utf8")) as EmbeddingsInfo;
      if (begun.kind !== info.kind) throw otherWork(folder, info, `${begun.kind}`);
      if (begun.fingerprint !== info.fingerprint || begun.width !== info.width)
        throw otherWork(folder, info, `another model (${begun.model})`); // the same model may have moved
    } else {
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${description}.tmp`, JSON.stringify(info));
      renameSync(`${description}.tmp`, description);
    }
    const journal = new EmbeddingJournal(folder, info);
    await journal.#recover(items);
    return journal;
  }

  /**
   * Adds items after those that are done.
   * @param vectors one for each item without a reason, in order
   */
  add(items: readonly DoneItem[], vectors: Float32Array): void {
    // The vectors first: a line counts only if its vector is there.
    appendFileSync(this.#vectorsFile, new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength));
    appendFileSync(this.#rowsFile, items.map(lineOf).join(""));
    for (const item of items) this.#count(item);
  }

  /** All vectors, some thousands at a time. */
  async *read(): AsyncGenerator<EmbeddingRows, void, undefined> {
    const { width } = this.info;
    const buffer = new Float32Array(rowsPerRead * width);
    const file = openSync(this.#vectorsFile, "r");
    try {
      let items: EmbeddedItem[] = [];
      const part = (): EmbeddingRows => {
        readFully(file, buffer, items.length * width);
        return { items, vectors: buffer.subarray(0, items.length * width) };
      };
      for await (const line of linesOf(this.#rowsFile)) {
        const { name, label, reason } = JSON.parse(line) as DoneItem;
        if (reason !== undefined) continue;
        items.push({ name, label });
        if (items.length < rowsPerRead) continue;
        yield part();
        items = [];
      }
      if (items.length > 0) yield part();
    } finally {
      closeSync(file);
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /**
   * Counts whole lines whose vectors are there, compares them with the items, and cuts off what follows. A
   * file that changed is cut off with all after it, as rows are in order. Journals of earlier versions do not
   * know their files' states, so they begin anew: a wrong vector is worse than time.
   * @throws if the items begin otherwise
   */
  async #recover(items: AsyncIterator<EmbeddedItem>): Promise<void> {
    for (const file of [this.#rowsFile, this.#vectorsFile]) if (!existsSync(file)) appendFileSync(file, "");
    const rowBytes = 4 * this.info.width;
    const available = Math.floor(statSync(this.#vectorsFile).size / rowBytes);
    const written = statSync(this.#rowsFile).size;
    let bytes = 0;
    for await (const line of linesOf(this.#rowsFile)) {
      const end = bytes + Buffer.byteLength(line) + 1;
      if (end > written) break; // its end was cut off
      const item = JSON.parse(line) as DoneItem;
      if (item.reason === undefined && this.rows === available) break;
      const { value } = await items.next();
      if (value?.name !== item.name || value.label !== item.label) {
        const now = value === undefined ? "no more" : `'${value.name}'`;
        throw otherWork(this.folder, this.info, `'${item.name}' where there is ${now}`);
      }
      const { bytes: size, modifiedMs } = fileState(this.info.kind, value);
      if (size !== item.bytes || modifiedMs !== item.modifiedMs) {
        this.again = value;
        break;
      }
      this.#count(item);
      bytes = end;
    }
    truncateSync(this.#rowsFile, bytes);
    truncateSync(this.#vectorsFile, this.rows * rowBytes);
  }

  #count({ name, reason }: DoneItem): void {
    this.done++;
    if (reason === undefined) this.rows++;
    else this.unreadable.push({ name, reason });
  }
}

function otherWork(folder: string, { kind }: EmbeddingsInfo, got: string): Error {
  return new Error(
    `${folder}: expected the vectors begun there to be of this model and these ${kind}, got ${got}. ` +
      "Give what they were begun with, or remove the folder.",
  );
}

/** The separators of lines and paragraphs, which JSON leaves as they are, would end the line for readline. */
function lineOf({ name, label, bytes, modifiedMs, reason }: DoneItem): string {
  const json = JSON.stringify({ name, label, bytes, modifiedMs, reason });
  return `${json.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029")}\n`;
}

function linesOf(path: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
}

function readFully(file: number, target: Float32Array, count: number): void {
  const bytes = new Uint8Array(target.buffer, target.byteOffset, 4 * count);
  for (let at = 0; at < bytes.length; ) {
    const read = readSync(file, bytes, at, bytes.length - at, null);
    if (read === 0) throw new Error("The vectors that were written are no longer there. Begin again.");
    at += read;
  }
}
