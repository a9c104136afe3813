import { readFileSync, writeFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { create } from "tar";
import { describe, expect, it } from "vitest";
import { compareModels, readPairs } from "../../lib/guard/index.js";
import { temporaryFolder, writePicture } from "../data/images.js";
import { tinyClip } from "../lora/models.js";

const folder = temporaryFolder();

function table(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

/** Packs files, in this order, with the `tar` package. */
async function shard(name: string, files: Record<string, string | Buffer>): Promise<string> {
  const cwd = join(folder, `${name}-files`);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(cwd, path)), { recursive: true });
    await writeFile(join(cwd, path), content);
  }
  await create({ file: join(folder, name), cwd, portable: true }, Object.keys(files));
  return join(folder, name);
}

const named = ({ images, ...rest }: Awaited<ReturnType<typeof readPairs>>) => ({
  ...rest,
  images: images.map((image) => (typeof image === "string" ? image : image.name)),
});

describe("readPairs", () => {
  it.each([
    ["commas.csv", 'image,caption\na.jpg,red\nb/c.jpg,"blue, round"\na.jpg,a red one\n'],
    ["open-clip.csv", "filepath\ttitle\na.jpg\tred\nb/c.jpg\tblue, round\na.jpg\ta red one\n"],
    ["semicolons.csv", "\uFEFFImage;Caption\r\na.jpg;red\r\nb/c.jpg;blue, round\r\na.jpg;a red one\r\n"],
    [
      "lines.jsonl",
      ["a.jpg,red", "b/c.jpg,blue; round", "a.jpg,a red one"]
        .map((row) => row.split(",") as [string, string])
        .map(([image, caption]) => JSON.stringify({ image, caption: caption.replace(";", ",") }))
        .join("\n"),
    ],
  ])("reads %s, an image with several captions once", async (name, text) => {
    expect(await readPairs(table(name, text))).toEqual({
      images: [join(folder, "a.jpg"), join(folder, "b/c.jpg")],
      texts: ["red", "blue, round", "a red one"],
      imageOfText: [0, 1, 0],
    });
  });

  it.each([
    ["no-column.csv", "image,words\na.jpg,red\n", /expected a header with image, .* got image, words/],
    [
      "empty-field.csv",
      "image,caption\na.jpg,red\na.jpg,\n",
      /empty-field\.csv:3: expected an image and a caption/,
    ],
    ["no-rows.csv", "image,caption\n", /expected pairs of an image and a caption, got none/],
  ])("refuses %s", async (name, text, message) => {
    await expect(readPairs(table(name, text))).rejects.toThrow(message);
  });

  it("reads shards: captions as lines, as numbered files, or in the JSON of img2dataset", async () => {
    await shard("pairs-000.tar", {
      "0001.jpg": "first",
      "0001.txt": "red\r\n\na red one\n",
      "0001.json": '{"caption": "not this"}',
      "v1.2.PNG": "second",
      "v1.2.0.txt": "blue",
      "v1.2.1.txt": "a blue one",
      ".DS_Store": "",
    });
    await shard("pairs-001.tar", { "a/3.webp": "third", "a/3.json": '{"caption": "green", "width": 3}' });
    const pairs = await readPairs(join(folder, "pairs-{000..001}.tar"));
    expect(named(pairs)).toEqual({
      images: ["pairs-000.tar/0001.jpg", "pairs-000.tar/v1.2.PNG", "pairs-001.tar/a/3.webp"],
      texts: ["red", "a red one", "blue", "a blue one", "green"],
      imageOfText: [0, 0, 1, 1, 2],
    });
    const contents = pairs.images.map((image) => (typeof image === "string" ? image : image.read()));
    expect((await Promise.all(contents)).map(String)).toEqual(["first", "second", "third"]);
  });

  it.each([
    [
      "without-caption.tar",
      { "a.jpg": "x", "b.txt": "red" },
      /expected a caption of a\.jpg in a\.txt, got none/,
    ],
    ["without-image.tar", { "a.txt": "red" }, /expected images with captions, got no image/],
    [
      "two-images.tar",
      { "a.jpg": "x", "a.png": "y", "a.txt": "red" },
      /expected one image in a sample, got a\.jpg/,
    ],
    ["broken-json.tar", { "a.jpg": "x", "a.json": "{" }, /a\.json: expected JSON/],
    [
      "latin1.tar",
      { "a.jpg": "x", "a.txt": Buffer.from("rosé", "latin1") },
      /latin1\.tar: a\.txt: expected text in UTF-8, got the byte 0xe9 at offset 3/,
    ],
  ])("refuses %s", async (name, files: Record<string, string | Buffer>, message) => {
    const path = await shard(name, files);
    await expect(readPairs(path)).rejects.toThrow(message);
  });
});

describe("retrieval from shards", () => {
  it("has the recall that it has from a table of the same pairs", async () => {
    const files: Record<string, string | Buffer> = {};
    const rows = ["filepath\ttitle"];
    for (const [i, caption] of ["red", "green", "blue", "dark", "bright", "round"].entries()) {
      const color = { r: (i * 97) % 256, g: (i * 151) % 256, b: (i * 43) % 256 };
      const path = await writePicture(join(folder, "pictures", `${i}.png`), { color });
      files[`${i}.png`] = readFileSync(path);
      files[`${i}.txt`] = `${caption}\na ${caption} thing`;
      rows.push(`pictures/${i}.png\t${caption}`, `pictures/${i}.png\ta ${caption} thing`);
    }
    const sources = [table("pictures.csv", rows.join("\n")), await shard("pictures.tar", files)];
    const [fromTable, fromShard] = await Promise.all(
      sources.map(async (source) => {
        const retrieval = await readPairs(source);
        const { measures } = await compareModels(tinyClip(), tinyClip(), { retrieval });
        return measures.filter(({ name }) => name.startsWith("recall"));
      }),
    );
    expect(fromTable).toHaveLength(6);
    expect(fromShard).toEqual(fromTable);
    expect(fromTable!.some(({ before }) => before > 0 && before < 1)).toBe(true);
  });
});
