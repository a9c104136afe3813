import { classFolders } from "./class-folders.js";
import type { DatasetDescriptor } from "./descriptor.js";
import { drawMtilSplit } from "./draw.js";

/** The names of CoOp and of CLIP, by folder in label order. */
const classes = {
  AnnualCrop: ["Annual Crop Land", "annual crop land"],
  Forest: ["Forest", "forest"],
  HerbaceousVegetation: ["Herbaceous Vegetation Land", "brushland or shrubland"],
  Highway: ["Highway or Road", "highway or road"],
  Industrial: ["Industrial Buildings", "industrial buildings or commercial buildings"],
  Pasture: ["Pasture Land", "pasture land"],
  PermanentCrop: ["Permanent Crop Land", "permanent crop land"],
  Residential: ["Residential Buildings", "residential buildings or homes or apartments"],
  River: ["River", "river"],
  SeaLake: ["Sea or Lake", "lake or sea"],
} as const;

const clipNames = new Map<string, string>(Object.values(classes));

export const eurosat: DatasetDescriptor = {
  title: "EuroSAT (RGB)",
  page: "https://github.com/phelber/EuroSAT",
  licence: "MIT",
  layouts: [
    { title: "CoOp and torchvision", folder: "eurosat", contains: "2750" },
    { title: "newer archive", folder: "eurosat", contains: "EuroSAT_RGB" },
    { title: "newer archive", folder: "EuroSAT_RGB", contains: "AnnualCrop", imagePath: (path) => path },
    { title: "class folders", folder: "eurosat", contains: "AnnualCrop", imagePath: (path) => path },
  ],
  coopSplit: { file: "split_zhou_EuroSAT.json", drawn: "all" },
  expected: {
    coop: { classes: 10, train: 13_500, validation: 5400, test: 8100 },
    torchvision: { classes: 10, train: 21_600, test: 5400 },
  },
  template: "a centered satellite photo of {}.",
  // Keeps "Forest" and "River" apart from the classes of other datasets.
  rail: { className: (name) => `${name} satellite location` },
  mtil: { className: (name) => clipNames.get(name) ?? name },
  async read(layout) {
    const examples = await classFolders(layout, Object.keys(classes));
    return { classes: [...clipNames.keys()], ...drawMtilSplit(examples) };
  },
};
