import { rmSync } from "node:fs";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import { renameDurably, syncFile } from "../../files/index.js";
import * as torch from "../../torch/index.js";
import type { EmbeddedItem } from "../types.js";
import { readingDamaged } from "./damaged.js";
import type { EmbeddingFormat } from "./format.js";
import { readInfo, writeInfo } from "./info.js";

/** Columns `name`, `label` and `vector`, a list of floats, which pandas, DuckDB, Polars and LanceDB read. */
const schema = [
  { name: "root", num_children: 3 },
  { name: "name", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
  { name: "label", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
  { name: "vector", repetition_type: "REQUIRED", num_children: 1, converted_type: "LIST" },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  { name: "element", type: "FLOAT", repetition_type: "REQUIRED" },
] as const;

export const parquet: EmbeddingFormat = {
  extension: ".parquet",
  besides: () => [],
  async write(path, info, _count, rows) {
    const temporary = `${path}.tmp`;
    const kvMetadata = Object.entries(writeInfo(info)).map(([key, value]) => ({ key, value }));
    try {
      const writer = fileWriter(temporary);
      const file = new ParquetWriter({
        writer,
        schema: [...schema],
        statistics: false,
        kvMetadata,
        createdBy: "codyra",
      });
      for await (const { items, vectors } of rows) {
        const { width } = info;
        const data = items.map((_, i) => Array.from(vectors.subarray(i * width, (i + 1) * width)));
        await file.write({
          rowGroupSize: items.length,
          columnData: [
            { name: "name", data: items.map(({ name }) => name) },
            { name: "label", data: items.map(({ label }) => label) },
            { name: "vector", data, encoding: "PLAIN", codec: "UNCOMPRESSED" }, // unit vectors hardly compress
          ],
        });
      }
      await file.finish();
      syncFile(temporary);
      renameDurably(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  },
  async open(path) {
    const file = await asyncBufferFromFile(path);
    const metadata = await readingDamaged(path, () => parquetMetadataAsync(file));
    const pairs = metadata.key_value_metadata?.map(({ key, value }) => [key, value]) ?? [];
    const info = readInfo(Object.fromEntries(pairs), path);
    const count = Number(metadata.num_rows);
    /** Goes through the rows of some columns, one group of rows at a time. */
    const forEach = async (columns: string[], visit: (row: Record<string, unknown>, at: number) => void) => {
      let rowStart = 0;
      for (const { num_rows } of metadata.row_groups) {
        const rowEnd = rowStart + Number(num_rows);
        const given = { file, metadata, compressors, columns, rowStart, rowEnd };
        const rows = await readingDamaged(path, () => parquetReadObjects(given));
        for (const [i, row] of rows.entries()) visit(row, rowStart + i);
        rowStart = rowEnd;
      }
    };
    const items: EmbeddedItem[] = [];
    await forEach(["name", "label"], ({ name, label }) => {
      items.push({ name: name as string, label: label as string });
    });
    return {
      info,
      items,
      async readVectors() {
        const vectors = new Float32Array(count * info.width);
        await forEach(["vector"], ({ vector }, at) => vectors.set(vector as number[], at * info.width));
        return torch.fromTypedArray(vectors, [count, info.width]);
      },
    };
  },
};
