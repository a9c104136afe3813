import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { writeFloats } from "../../lib/embeddings/formats/float-file.js";
import { type OpenedEmbeddings, openIndexSearch, type SearchMode } from "../../lib/embeddings/index.js";
import { generator, nn, noGrad, randint, randn, scope, type Tensor } from "../../lib/torch/index.js";

const [rows, width] = [3000, 32];

/** Vectors around some centres, as those of images of some kinds of things are, and queries near centres. */
function clustered(): { vectors: Tensor; queries: Tensor } {
  const random = generator(3);
  return noGrad(() =>
    scope(() => {
      const centres = randn([60, width], { generator: random });
      const which = randint(60, [rows], { generator: random, dtype: "int64" });
      const around = (of: Tensor, spread: number) =>
        nn.functional.normalize(of.add(randn(of.shape, { generator: random }).mul(spread)));
      return { vectors: around(centres.indexSelect(0, which), 1), queries: around(centres, 1.5) };
    }),
  );
}

/** A file of vectors whose names do not matter, and how often its vectors were read. */
async function file() {
  const folder = mkdtempSync(join(tmpdir(), "codyra-search-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "vectors.npy");
  const { vectors, queries } = clustered();
  onTestFinished(() => {
    for (const tensor of [vectors, queries]) tensor.dispose();
  });
  await writeFloats(path, new Uint8Array(0), (async function* () {})());
  let reads = 0;
  const opened: OpenedEmbeddings = {
    info: { kind: "images", width, model: "tiny", fingerprint: "first" },
    items: Array.from({ length: rows }, (_, i) => ({ name: `${i}`, label: "" })),
    readVectors: async () => {
      reads++;
      return vectors.detach();
    },
  };
  const find = async (mode: SearchMode, k = 10, given = opened) => {
    using search = await openIndexSearch(path, given, { mode });
    return { isExact: search.isExact, ...search.find(queries, k) };
  };
  return { folder, path, opened, find, readsSoFar: () => reads };
}

/** Writes over some bytes in the middle of a file, whose size and names stay. */
function damage(path: string, position: number): void {
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(12, 0xff), 0, 12, position);
  closeSync(file);
}

describe("openIndexSearch", () => {
  it("finds nearly all that comparing every vector finds, and with the scores of these", async () => {
    const { find } = await file();
    const exact = await find("exact");
    const approximate = await find("approximate");
    expect([exact.isExact, approximate.isExact]).toEqual([true, false]);
    const queries = exact.rows.length / 10;
    let same = 0;
    for (let query = 0; query < queries; query++) {
      const wanted = new Set(exact.rows.subarray(10 * query, 10 * query + 10));
      for (let i = 10 * query; i < 10 * query + 10; i++)
        if (wanted.has(approximate.rows[i] as number)) same++;
      // 1e-3: the index keeps vectors in float16.
      expect(approximate.scores[10 * query]).toBeCloseTo(exact.scores[10 * query] as number, 3);
    }
    expect(same / exact.rows.length).toBeGreaterThan(0.95);
  });

  it("reads the vectors once for the index, which is then used unless told otherwise", async () => {
    const { find, readsSoFar, path } = await file();
    expect((await find("auto")).isExact).toBe(true);
    expect(existsSync(`${path}.usearch`)).toBe(false);
    await find("approximate");
    expect(readsSoFar()).toBe(2);
    expect((await find("auto")).isExact).toBe(false);
    expect((await find("approximate", 5000)).k).toBe(rows);
    expect(readsSoFar()).toBe(2);
    expect((await find("exact")).isExact).toBe(true);
  });

  it.each<[string, (path: string, opened: OpenedEmbeddings) => OpenedEmbeddings | undefined]>([
    ["the model is another", (_, opened) => ({ ...opened, info: { ...opened.info, fingerprint: "other" } })],
    ["the file is newer", (path) => void utimesSync(path, 1, 1)],
    ["rows are gone", (_, opened) => ({ ...opened, items: opened.items.slice(1) })],
    ["the index was cut off", (path) => truncateSync(`${path}.usearch`, 1000)],
    ["the index has other bytes", (path) => damage(`${path}.usearch`, 60_000)],
    ["its key is gone", (path) => rmSync(`${path}.usearch.json`)],
  ])("makes the index again when %s", async (_, change) => {
    const { find, path, opened, readsSoFar } = await file();
    await find("approximate");
    const given = change(path, opened) ?? opened;
    const { isExact, k } = await find("auto", 10, given);
    expect({ isExact, k, reads: readsSoFar() }).toEqual({ isExact: false, k: 10, reads: 2 });
    expect(statSync(`${path}.usearch`).size).toBeGreaterThan(100_000);
    await find("auto", 10, given);
    expect(readsSoFar()).toBe(2);
  });

  it("leaves nothing of an index when it is stopped", async () => {
    const { folder, path, opened } = await file();
    const before = readdirSync(folder);
    const controller = new AbortController();
    const progress: number[] = [];
    const options = {
      mode: "approximate" as const,
      signal: controller.signal,
      onProgress: (done: number) => {
        progress.push(done);
        controller.abort(new Error("enough"));
      },
    };
    await expect(openIndexSearch(path, opened, options)).rejects.toThrow("enough");
    expect(progress).toEqual([2048]);
    expect(readdirSync(folder)).toEqual(before);
  });
});
