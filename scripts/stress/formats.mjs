// The formats of files that are mutated. Each makes a small file, and knows what must hold of a mutated one
// that is read without an error.
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import * as tar from "tar";
import { clip, data, torch } from "../../dist/index.js";

/**
 * @typedef {object} Format
 * @property {string} file name of the file that is mutated, in a folder of its own
 * @property {(folder: string) => unknown} make writes it, and what has to lie beside it
 * @property {(folder: string, file: string) => unknown} read throws an Error, or returns normally with all
 *   read and right; anything else that it throws is a fault
 * @property {number} [weight] how often it is chosen, default 1
 */

/** A fault: something was read without an error that cannot be right. */
export class Wrong extends Error {}

const expectThat = (isRight, what) => {
  if (!isRight) throw new Wrong(what);
};
const picture = (width = 23, height = 17) =>
  sharp(Buffer.from(Array.from({ length: 3 * width * height }, (_, i) => (i * 7) % 256)), {
    raw: { width, height, channels: 3 },
  });

function image(extension, make) {
  return {
    file: `picture.${extension}`,
    make: async (folder) => writeFileSync(join(folder, `picture.${extension}`), await make()),
    async read(_, file) {
      const content = readFileSync(file);
      const { pixels, width, height } = await clip.decodeImage(content);
      expectThat(
        width > 0 && height > 0 && pixels.length === 3 * width * height,
        "pixels do not fit the size",
      );
      const square = await clip.resizeAndCenterCrop(8, 8).apply(content);
      expectThat(square.pixels.length === 3 * 64, "resized pixels do not fit the size");
    },
  };
}

function bitmap() {
  const [width, height] = [6, 4];
  const header = Buffer.alloc(54);
  header.write("BM");
  header.writeUInt32LE(54 + 20 * height, 2);
  for (const [i, value] of [54, 40, width, height].entries()) header.writeUInt32LE(value, 10 + 4 * i);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(24, 28);
  return Buffer.concat([header, Buffer.alloc(20 * height, 99)]);
}

const netpbm = () => Buffer.concat([Buffer.from("P6\n# made\n5 4\n255\n"), Buffer.alloc(60, 77)]);

/** Everything in a dataset, as a run would read it. */
async function readDataset(dataset) {
  for (const { label, read } of [...dataset.train, ...dataset.validation, ...dataset.test]) {
    expectThat(dataset.classes[label] !== undefined, `label ${label} of ${dataset.classes.length} classes`);
    const content = await read();
    if (content instanceof Uint8Array) await clip.decodeImage(content);
  }
}

const tensorsOf = () =>
  new Map([
    ["weight", torch.arange(60, { dtype: "float32" }).view([5, 12])],
    ["half", torch.ones([7], { dtype: "bfloat16" })],
    ["ids", torch.arange(9, { dtype: "int64" })],
  ]);

const readAll = (tensors) => {
  for (const tensor of tensors.values()) expectThat(tensor.toTypedArray().length === tensor.numel(), "sizes");
};

/** A model folder of which one file is mutated. */
function modelFile(file, weight) {
  return {
    file,
    weight,
    make: (folder) => cpSync(join(torch.packageRoot, "assets/miniature-clip"), folder, { recursive: true }),
    read: (folder) =>
      torch.scope(() => {
        const model = clip.loadModel(folder);
        const features = model.encodeText(model.tokenizer.encode(["a red circle"]));
        expectThat(features.isfinite().all().item() === true, "features that are not finite");
        model.dispose();
      }),
  };
}

/** @type {Record<string, Format>} */
export const formats = {
  "safetensors with checksum": {
    file: "a.safetensors",
    make: (folder) =>
      torch.safetensors.save(join(folder, "a.safetensors"), tensorsOf(), {}, { checksum: true }),
    read: (_, file) =>
      torch.scope(() => {
        const { tensors } = torch.safetensors.load(file);
        for (const [name, wanted] of tensorsOf())
          expectThat(tensors.get(name)?.equal(wanted) === true, `${name} has another value`);
      }),
  },
  safetensors: {
    file: "a.safetensors",
    make: (folder) => torch.safetensors.save(join(folder, "a.safetensors"), tensorsOf()),
    read: (_, file) => torch.scope(() => readAll(torch.safetensors.load(file).tensors)),
  },
  "pickle archive": {
    file: "a.pt",
    weight: 2,
    make: (folder) => torch.archive.save(join(folder, "a.pt"), tensorsOf()),
    read: (_, file) => torch.scope(() => readAll(torch.archive.load(file))),
  },
  jpeg: image("jpg", () => picture().jpeg().toBuffer()),
  png: image("png", () => picture().png().toBuffer()),
  webp: image("webp", () => picture().webp().toBuffer()),
  gif: image("gif", () => picture().gif().toBuffer()),
  tiff: image("tiff", () => picture().tiff().toBuffer()),
  bmp: image("bmp", bitmap),
  ppm: image("ppm", netpbm),
  parquet: {
    file: "data/train-00000-of-00002.parquet",
    weight: 2,
    make: (folder) =>
      cpSync(join(torch.packageRoot, "test/data/fixtures/parquet/hub"), folder, { recursive: true }),
    read: async (folder) => readDataset(await data.openParquet({ name: "mutated", parquet: folder })),
  },
  "tar shard": {
    file: "train-000.tar",
    weight: 2,
    async make(folder) {
      const bytes = await picture().jpeg().toBuffer();
      const names = ["a", "b", "a", "b"].flatMap((label, i) => {
        writeFileSync(join(folder, `${i}.jpg`), bytes);
        writeFileSync(join(folder, `${i}.cls`), label);
        return [`${i}.jpg`, `${i}.cls`];
      });
      tar.create({ file: join(folder, "train-000.tar"), cwd: folder, sync: true }, names);
    },
    read: async (folder) =>
      readDataset(await data.openWebDataset({ name: "mutated", webdataset: join(folder, "*.tar") })),
  },
  "model.safetensors": modelFile("model.safetensors", 0.1),
  "config.json": modelFile("config.json", 0.2),
  "tokenizer.json": modelFile("tokenizer.json", 0.2),
  "tokenizer_config.json": modelFile("tokenizer_config.json", 0.1),
  "preprocessor_config.json": modelFile("preprocessor_config.json", 0.1),
};
