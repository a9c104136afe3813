import { classFolders } from "./class-folders.js";
import type { DatasetDescriptor } from "./descriptor.js";
import { drawMtilSplit } from "./draw.js";
import { folderNames } from "./files.js";

export const caltech101: DatasetDescriptor = {
  title: "Caltech101",
  page: "https://data.caltech.edu/records/mzrjq-6wc02",
  licence: "CC BY 4.0",
  layouts: [
    { title: "CoOp", folder: "caltech-101", contains: "101_ObjectCategories" },
    { title: "RAIL and torchvision", folder: "caltech101", contains: "101_ObjectCategories" },
  ],
  coopSplit: { file: "split_zhou_Caltech101.json", drawn: "all" },
  expected: {
    coop: { classes: 100, train: 4128, validation: 1649, test: 2465 },
    torchvision: { classes: 101, train: 6941, test: 1736 },
  },
  template: "a photo of a {}.",
  mtil: { className: (name) => clipNames[name] ?? name },
  async read(layout, splitSource) {
    const dropped = splitSource === "coop" ? ["BACKGROUND_Google", "Faces_easy"] : ["BACKGROUND_Google"];
    const folders = await folderNames(layout.imageFolder());
    const categories = folders.filter((folder) => !dropped.includes(folder));
    const examples = await classFolders(layout, categories);
    return { classes: categories.map((name) => names[name] ?? name), ...drawMtilSplit(examples) };
  },
};

/**
 * CoOp's names where they differ from the folder's; it leaves the close faces out, which therefore have
 * CLIP's.
 */
const names: Readonly<Record<string, string>> = {
  airplanes: "airplane",
  Faces: "face",
  Faces_easy: "centered face",
  Leopards: "leopard",
  Motorbikes: "motorbike",
};

/**
 * CLIP's names where they differ from CoOp's; one does have two blanks. github.com/openai/CLIP,
 * data/prompts.md
 */
const clipNames: Readonly<Record<string, string>> = {
  face: "off-center face",
  car_side: "side of a car",
  cougar_body: "body of a cougar cat",
  cougar_face: "face of a cougar cat",
  crocodile_head: "head of a  crocodile",
  flamingo_head: "head of a flamingo",
  snoopy: "snoopy (cartoon beagle)",
  yin_yang: "yin and yang symbol",
};
