import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parquetWriteFile } from "hyparquet-writer";
import { expect, it } from "vitest";
import { openManifest, openParquet } from "../../../lib/data/index.js";
import { temporaryFolder } from "../images.js";

const folder = temporaryFolder();

it("a column of paths is no column of images, and the way on is told", async () => {
  const filename = join(folder, "paths.parquet");
  await parquetWriteFile({
    filename,
    columnData: [
      { name: "image", data: ["1.jpg", "2.jpg"], type: "STRING" },
      { name: "label", data: ["cat", "dog"], type: "STRING" },
    ],
  });
  await expect(openParquet({ name: "pets", parquet: filename })).rejects.toThrow(
    "got image (text), label (text). Images are only named there: export the dataset with its images embedded, " +
      "or list their paths in a manifest.",
  );
});

it("lists are called lists", async () => {
  const filename = join(folder, "lists.parquet");
  await parquetWriteFile({
    filename,
    columnData: [
      { name: "image", data: [[1, 2], [3]] },
      { name: "label", data: ["cat", "dog"] },
    ],
    schema: [
      { name: "root", num_children: 2 },
      { name: "image", repetition_type: "OPTIONAL", converted_type: "LIST", num_children: 1 },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      { name: "element", type: "INT32", converted_type: "UINT_8", repetition_type: "OPTIONAL" },
      { name: "label", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
    ],
  });
  await expect(openParquet({ name: "pets", parquet: filename })).rejects.toThrow(
    "got image (list of INT32), label (text). Name the column.",
  );
});

it.each([
  ["little", Buffer.from("\xff\xfe\0\0p\0\0\0a\0\0\0", "latin1")],
  ["big", Buffer.from("\0\0\xfe\xff\0\0\0p", "latin1")],
  ["little, without a mark,", Buffer.from("p\0\0\0a\0\0\0", "latin1")],
])("UTF-32 of %s endian is called so", async (name, content) => {
  const manifest = join(folder, `${name}.csv`);
  await writeFile(manifest, content);
  await expect(openManifest({ name: "pets", manifest })).rejects.toThrow(
    "expected text in UTF-8 or UTF-16, got UTF-32. Save it as UTF-8.",
  );
});
