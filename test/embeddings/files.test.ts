import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type EmbeddedItem,
  openEmbeddings,
  readEmbeddings,
  writeEmbeddings,
} from "../../lib/embeddings/index.js";
import { tinyClip } from "../lora/models.js";

const items: EmbeddedItem[] = Array.from({ length: 40 }, (_, i) => ({ name: `text ${i}`, label: "" }));

/** A file of vectors of 40 texts. */
async function written(extension: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "codyra-files-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, `texts${extension}`);
  await writeEmbeddings(path, "texts", items, tinyClip(), { modelName: "tiny" });
  return path;
}

function overwrite(path: string, bytes: Uint8Array, position: number): void {
  const file = openSync(path, "r+");
  writeSync(file, bytes, 0, bytes.length, position);
  closeSync(file);
}

/** The position of a row's vector in its file, found by its bytes. */
async function positionOfRow(path: string, row: number): Promise<number> {
  const { vectors } = await readEmbeddings(path);
  using all = vectors;
  const numbers = all.narrow(0, row, 1).toTypedArray() as Float32Array;
  return readFileSync(path).indexOf(Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength));
}

describe("a file of vectors", () => {
  it.each([".parquet", ".npy", ".safetensors"])(
    "in %s is refused with a vector that is not one any more",
    async (extension) => {
      const path = await written(extension);
      const position = await positionOfRow(path, 33);
      for (const [value, shown] of [
        [30, "3"],
        [Number.NaN, "NaN"],
      ] as const) {
        overwrite(path, new Uint8Array(new Float32Array([value]).buffer), position);
        const { info, readVectors } = await openEmbeddings(path);
        expect(info.model).toBe("tiny");
        await expect(readVectors()).rejects.toThrow(
          new RegExp(
            `texts\\${extension}: expected vectors of length 1, .* got ${shown}.* in row 33\\. The file is damaged: embed again\\.`,
          ),
        );
      }
    },
  );

  it.each([
    ["cut off", (bytes: Buffer) => bytes.subarray(0, bytes.length - 100)],
    ["empty", () => Buffer.alloc(0)],
    ["no Parquet", () => Buffer.from("name,label\n".repeat(50))],
  ])("that is %s is refused with its path and what to do", async (_, change) => {
    const path = await written(".parquet");
    writeFileSync(path, change(readFileSync(path)));
    await expect(openEmbeddings(path)).rejects.toThrow(
      /texts\.parquet: expected a file as codyra embed writes it, got damaged content \(.+\)\. Embed again\./,
    );
  });

  it("that is missing, or whose description is, is told so", async () => {
    await expect(openEmbeddings("nowhere.parquet")).rejects.toThrow(
      "nowhere.parquet: expected a file of vectors, got nothing: there is none. Make it with codyra embed.",
    );
    const path = await written(".npy");
    writeFileSync(path.replace(".npy", ".json"), "{");
    await expect(openEmbeddings(path)).rejects.toThrow(
      /texts\.json: expected a file as codyra embed writes it/,
    );
  });
});
