import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { writeJsonAtomically } from "../../files/index.js";
import * as torch from "../../torch/index.js";
import { readingDamaged } from "./damaged.js";
import { writeFloats } from "./float-file.js";
import type { EmbeddingFormat } from "./format.js";
import { readInfo, writeInfo } from "./info.js";
import { itemsFileOf, readItems } from "./items-file.js";

// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0

const magic = Buffer.from("\x93NUMPY", "latin1");
/** The model, in a file beside the vectors: `.npy` has no room for it. */
const infoFileOf = (path: string) => path.replace(/\.npy$/, ".json");

/** NumPy's `.npy`, with a CSV of names and labels and a JSON file that names the model beside it. */
export const npy: EmbeddingFormat = {
  extension: ".npy",
  besides: (path) => [itemsFileOf(path), infoFileOf(path)],
  async write(path, info, count, rows) {
    const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${count}, ${info.width}), }`;
    const fixed = magic.length + 4;
    const padded = dictionary.padEnd(64 * Math.ceil((fixed + dictionary.length + 1) / 64) - fixed - 1);
    const length = Buffer.alloc(2);
    length.writeUInt16LE(padded.length + 1);
    const head = Buffer.concat([magic, Buffer.from([1, 0]), length, Buffer.from(`${padded}\n`)]);
    writeJsonAtomically(infoFileOf(path), writeInfo(info));
    await writeFloats(path, head, rows);
  },
  async open(path) {
    const beside = infoFileOf(path);
    const metadata = await readingDamaged(beside, () => JSON.parse(readFileSync(beside, "utf8")));
    const info = readInfo(metadata, beside);
    const { start, count, width } = readHead(path);
    if (width !== info.width)
      throw new Error(`${path}: expected vectors of ${info.width} numbers as ${beside} says, got ${width}.`);
    const readVectors = async () =>
      torch.scope(() => {
        const bytes = torch.fromFile(path, false, start + 4 * count * width, { dtype: "uint8" });
        return bytes
          .narrow(0, start, 4 * count * width)
          .view("float32")
          .view([count, width]);
      });
    return { info, items: readItems(itemsFileOf(path), count), readVectors };
  },
};

function readHead(path: string): { start: number; count: number; width: number } {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(4096);
    const read = readSync(file, head, 0, head.length, 0);
    const length = read >= 10 ? head.readUInt16LE(8) : 0;
    const text = head.toString("latin1", 10, 10 + length);
    const shape = /'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+)\)/.exec(text);
    if (!head.subarray(0, magic.length).equals(magic) || shape === null) {
      throw new Error(
        `${path}: expected a .npy file of float32 rows, as codyra embed writes it. Embed again.`,
      );
    }
    return { start: 10 + length, count: Number(shape[1]), width: Number(shape[2]) };
  } finally {
    closeSync(file);
  }
}
