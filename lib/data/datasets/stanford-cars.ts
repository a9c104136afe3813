import type { Example } from "../types.js";
import { classFolders } from "./class-folders.js";
import type { Contents, DatasetDescriptor, Layout } from "./descriptor.js";
import { folderNames } from "./files.js";
import type { FoundLayout } from "./layout.js";
import { numbers, readMatlab, structures, text, texts } from "./matlab.js";

/** Mirrors, such as Kaggle's by jutrera, have a folder for each class in `train` and in `test`. */
const byClass: readonly Layout[] = ["", "car_data/car_data/"].map((inside) => ({
  title: "class folders",
  folder: "stanford_cars",
  contains: `${inside}train`,
  imagePath: (path) => `${inside}${path}`,
  fitsCoopSplit: false,
}));

const doubled = (path: string) => path.replace(/^(cars_train|cars_test)\//, "$1/$1/");

export const stanfordCars: DatasetDescriptor = {
  title: "Stanford Cars",
  page: "https://github.com/pytorch/vision/issues/7545 (the original site is offline)",
  licence: "non-commercial research",
  layouts: [
    {
      title: "doubled folders",
      folder: "stanford_cars",
      contains: "cars_train/cars_train",
      imagePath: doubled,
    },
    {
      title: "CoOp and torchvision",
      folder: "stanford_cars",
      contains: "cars_train",
      imagePath: (path) => path,
    },
    ...byClass,
  ],
  coopSplit: { file: "split_zhou_StanfordCars.json", drawn: "train" },
  expected: {
    coop: { classes: 196, train: 6509, validation: 1635, test: 8041 },
    torchvision: { classes: 196, train: 8144, test: 8041 },
  },
  template: "a photo of a {}.",
  mtil: { template: "a photo of a {}, a type of car.", className: yearLast },
  async read(layout) {
    if (byClass.some(({ contains }) => contains === layout.layout.contains)) return readClassFolders(layout);
    const meta = layout.path("devkit", "cars_meta.mat");
    const [names] = await readMatlab(meta, "class_names");
    return {
      classes: texts(names, meta).map(yearFirst),
      train: await readAnnotations(layout, "cars_train", layout.path("devkit", "cars_train_annos.mat")),
      validation: [],
      test: await readAnnotations(layout, "cars_test", layout.path("cars_test_annos_withlabels.mat")),
    };
  },
};

async function readClassFolders(layout: FoundLayout): Promise<Contents> {
  const folders = await folderNames(layout.imageFolder("train"));
  const examples = (part: string) =>
    classFolders(
      layout,
      folders.map((name) => `${part}/${name}`),
    );
  return {
    classes: folders.map((name) => yearFirst(name.replace("Ram C-V", "Ram C/V"))), // no folder's name has a slash
    train: await examples("train"),
    validation: [],
    test: await examples("test"),
  };
}

async function readAnnotations(layout: FoundLayout, folder: string, path: string): Promise<Example[]> {
  const [annotations] = await readMatlab(path, "annotations");
  return structures(annotations, path).map((annotation) => {
    const [label = 0] = numbers(annotation.get("class"), path);
    return layout.image(`${folder}/${text(annotation.get("fname"), path)}`, label - 1);
  });
}

/** "Audi TT RS Coupe 2012" to "2012 Audi TT RS Coupe", as CoOp says it. */
function yearFirst(name: string): string {
  return name.replace(/^(.*) (\S+)$/, "$2 $1");
}

/** Undoes `yearFirst`. */
function yearLast(name: string): string {
  return name.replace(/^(\S+) (.*)$/, "$2 $1");
}
