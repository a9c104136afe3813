import { createHash } from "node:crypto";
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
import type { EmbeddedBatch } from "./embed-files.js";
import type { EmbeddedItem, EmbeddingsInfo } from "./types.js";

const rowsPerRead = 4096;

/** Vectors with what they stand for; `vectors` is valid until the next part is asked for. */
export interface EmbeddingRows {
  readonly items: readonly EmbeddedItem[];
  /** `[items, width]`, row after row. */
  readonly vectors: Float32Array;
}

/**
 * Vectors on their way to a file, in a folder beside it. A process that ends at any moment leaves at most the
 * batch that it was working on to do again. `rows.jsonl` has a line for each item that is done, `vectors.f32`
 * the vectors of those that could be read.
 */
export class EmbeddingJournal {
  /** Items that are done, from the first on. */
  done = 0;
  /** Items with a vector. */
  rows = 0;
  readonly unreadable: { readonly name: string; readonly reason: string }[] = [];
  readonly #rowsFile: string;
  readonly #vectorsFile: string;

  private constructor(
    readonly folder: string,
    readonly items: readonly EmbeddedItem[],
    readonly info: EmbeddingsInfo,
  ) {
    this.#rowsFile = join(folder, "rows.jsonl");
    this.#vectorsFile = join(folder, "vectors.f32");
  }

  /**
   * Opens the journal of a file, or begins one.
   * @param target the file that is made in the end; the journal is `target.partial`
   * @throws if the journal is of other items or of another model
   */
  static open(target: string, items: readonly EmbeddedItem[], info: EmbeddingsInfo): EmbeddingJournal {
    const folder = `${target}.partial`;
    const description = join(folder, "job.json");
    const job = { ...info, items: items.length, digest: digestOf(items) };
    if (existsSync(description)) {
      const begun = JSON.parse(readFileSync(description, "utf8")) as typeof job;
      const differing = (Object.keys(job) as (keyof typeof job)[]).filter(
        (key) => key !== "model" && begun[key] !== job[key], // the same model may have moved
      );
      if (differing.length > 0) {
        const what = differing.includes("fingerprint")
          ? `another model (${begun.model})`
          : `other ${begun.kind}, ${begun.items} of them`;
        throw new Error(
          `${folder}: expected the vectors begun there to be of this model and these ${info.kind}, got ${what}. ` +
            "Give what they were begun with, or remove the folder.",
        );
      }
    } else {
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${description}.tmp`, JSON.stringify(job));
      renameSync(`${description}.tmp`, description);
    }
    const journal = new EmbeddingJournal(folder, items, info);
    journal.#recover();
    return journal;
  }

  /** Takes what comes after the items that are done. */
  add({ positions, vectors, unreadable }: EmbeddedBatch, offset: number): void {
    const reasons = new Map(unreadable.map(({ position, reason }) => [position + offset, reason]));
    const last = Math.max(offset + (positions.at(-1) ?? -1), ...reasons.keys());
    const lines: string[] = [];
    for (let at = this.done; at <= last; at++) {
      const reason = reasons.get(at);
      if (reason !== undefined) this.unreadable.push({ name: (this.items[at] as EmbeddedItem).name, reason });
      lines.push(`${reason === undefined ? "1" : JSON.stringify(reason)}\n`);
    }
    // The vectors first: a line counts only if its vector is there.
    appendFileSync(this.#vectorsFile, new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength));
    appendFileSync(this.#rowsFile, lines.join(""));
    this.rows += positions.length;
    this.done = last + 1;
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
      let at = 0;
      for await (const line of createInterface({ input: createReadStream(this.#rowsFile) })) {
        const item = this.items[at++] as EmbeddedItem;
        if (line !== "1") continue;
        items.push(item);
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

  /** Counts whole lines whose vectors are there, and cuts off what follows. */
  #recover(): void {
    for (const file of [this.#rowsFile, this.#vectorsFile]) if (!existsSync(file)) appendFileSync(file, "");
    const rowBytes = 4 * this.info.width;
    const available = Math.floor(statSync(this.#vectorsFile).size / rowBytes);
    const text = readFileSync(this.#rowsFile, "utf8");
    let bytes = 0;
    for (const line of text
      .slice(0, text.lastIndexOf("\n") + 1)
      .split("\n")
      .slice(0, -1)) {
      const isRow = line === "1";
      if (isRow && this.rows === available) break;
      if (isRow) this.rows++;
      else
        this.unreadable.push({
          name: (this.items[this.done] as EmbeddedItem).name,
          reason: JSON.parse(line) as string,
        });
      this.done++;
      bytes += Buffer.byteLength(line) + 1;
    }
    truncateSync(this.#rowsFile, bytes);
    truncateSync(this.#vectorsFile, this.rows * rowBytes);
  }
}

function digestOf(items: readonly EmbeddedItem[]): string {
  const hash = createHash("sha256");
  for (const { name, label } of items) hash.update(JSON.stringify([name, label]));
  return hash.digest("hex");
}

function readFully(file: number, target: Float32Array, count: number): void {
  const bytes = new Uint8Array(target.buffer, target.byteOffset, 4 * count);
  for (let at = 0; at < bytes.length; ) {
    const read = readSync(file, bytes, at, bytes.length - at, null);
    if (read === 0) throw new Error("The vectors that were written are no longer there. Begin again.");
    at += read;
  }
}
