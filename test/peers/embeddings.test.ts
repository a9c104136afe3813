import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  imageItem,
  leastSquaresMap,
  orthogonalMap,
  readEmbeddings,
  retrievalRecall,
  writeEmbeddings,
} from "../../lib/embeddings/index.js";
import { generator, nn, randn, scope, type Tensor, tensor } from "../../lib/torch/index.js";
import { fixture } from "../clip/fixtures.js";
import { tinyClip } from "../lora/models.js";
import { needsPeers, runPeer } from "./python.js";

const images = ["tall.png", "wide.jpg", "grey.png", "alpha.png"].map((name) => fixture("images", name));

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "codyra-embeddings-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const unit = (rows: number, width: number, seed: number) =>
  nn.functional.normalize(randn([rows, width], { generator: generator(seed) }));

/** A float32 matrix as NumPy reads it. */
function writeNpy(path: string, matrix: Tensor): string {
  const head = `{'descr': '<f4', 'fortran_order': False, 'shape': (${matrix.shape.join(", ")}), }`.padEnd(
    117,
  );
  const values = matrix.contiguous().toTypedArray() as Float32Array;
  const start = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, 118, 0]);
  writeFileSync(path, Buffer.concat([start, Buffer.from(`${head}\n`), Buffer.from(values.buffer)]));
  return path;
}

describe("embeddings", needsPeers, () => {
  it("are read by pandas, DuckDB, NumPy and safetensors as they were written", async () => {
    const folder = temporaryFolder();
    const [model, items] = [tinyClip(), images.map((file) => imageItem(file, [join(file, "../..")]))];
    const files = ["parquet", "npy", "safetensors"].map((format) => join(folder, `as-${format}.${format}`));
    for (const file of files) await writeEmbeddings(file, "images", items, model, { modelName: "tiny" });
    const found = (await runPeer("embeddings.py", "read", ...files)) as Record<string, unknown[]>;
    const { vectors } = await readEmbeddings(files[0] as string);
    using held = vectors;
    const expected = held.toArray();
    const [names, labels] = [items.map(({ name }) => name), items.map(({ label }) => label)];
    expect(labels).toEqual(images.map(() => "images"));
    expect(found.pandas).toEqual([names, labels, expected]);
    expect(found.duckdb).toEqual([[names, labels], expected, ["VARCHAR", "VARCHAR", "FLOAT[]"]]);
    const rows = items.map(({ name, label }) => [name, label]);
    expect(found.npy).toEqual([rows, expected]);
    expect(found.safetensors).toEqual([rows, expected]);
  });

  it("have the recall that sorting every row gives, and open_clip's on pairs", async () => {
    const folder = temporaryFolder();
    const owners = Array.from({ length: 150 }, (_, i) => (i < 60 ? i : (7 * i) % 60));
    const { ours, pairs, expected } = await scope(async () => {
      const pictures = unit(60, 12, 1);
      const owned = pictures.indexSelect(0, tensor(owners, { dtype: "int64" }));
      const texts = nn.functional.normalize(
        owned.add(randn([150, 12], { generator: generator(2) }).mul(0.35)),
      );
      const paths = [writeNpy(join(folder, "i.npy"), pictures), writeNpy(join(folder, "t.npy"), texts)];
      const expected = (await runPeer("embeddings.py", "recall", ...paths, JSON.stringify(owners))) as {
        textToImage: number[];
        imageToText: number[];
        pairs: Record<string, number>;
        first: number[];
      };
      const firsts = texts.indexSelect(0, tensor(expected.first, { dtype: "int64" }));
      const identity = Array.from({ length: 60 }, (_, i) => i);
      return {
        ours: retrievalRecall(pictures, texts, owners),
        pairs: retrievalRecall(pictures, firsts, identity),
        expected,
      };
    });
    expect(expected.textToImage[0]).toBeGreaterThan(0.2);
    expect(expected.textToImage[0]).toBeLessThan(0.95);
    for (const key of ["textToImage", "imageToText"] as const) {
      expect(ours[key]).toEqual(expected[key].map((value) => expect.closeTo(value, 6)));
    }
    for (const [i, k] of [1, 5, 10].entries()) {
      expect(pairs.imageToText[i]).toBeCloseTo(expected.pairs[`image_to_text_R@${k}`] as number, 6);
      expect(pairs.textToImage[i]).toBeCloseTo(expected.pairs[`text_to_image_R@${k}`] as number, 6);
    }
  });

  it("have the maps that NumPy finds", async () => {
    const folder = temporaryFolder();
    await scope(async () => {
      const [after, before] = [unit(80, 10, 3), unit(80, 10, 4)];
      const paths = [writeNpy(join(folder, "a.npy"), after), writeNpy(join(folder, "b.npy"), before)];
      const expected = (await runPeer("embeddings.py", "maps", ...paths)) as Record<string, number[][]>;
      const difference = (map: Tensor, other: unknown) =>
        map
          .sub(tensor(other as number[][]))
          .abs()
          .max()
          .item() as number;
      expect(difference(orthogonalMap(after, before), expected.orthogonal)).toBeLessThan(1e-5);
      expect(difference(leastSquaresMap(after, before, 1e-12), expected.leastSquares)).toBeLessThan(1e-5);
    });
  });
});
