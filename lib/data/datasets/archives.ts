import type { DatasetId } from "./catalogue.js";

/** A published file of a dataset. */
export interface Archive {
  readonly name: string;
  /** Public address; absent if one has to register, or the site is offline. Needs a checksum. */
  readonly url?: string;
  readonly md5?: string;
  /** The page on which it is obtained by hand, if not the dataset's. */
  readonly page?: string;
  /**
   * Paths inside the archive, each with its place relative to the dataset's folder; absent for a file that is
   * used as it is.
   */
  readonly contents?: Readonly<Record<string, string>>;
  /** Archives inside the archive become folders of their names. */
  readonly nested?: boolean;
}

/** One of these archives is needed. */
export interface ArchiveChoice {
  readonly anyOf: readonly Archive[];
  /** Some uses of the dataset do without. */
  readonly optional?: boolean;
}

export interface DatasetArchives {
  /** Folder of everything, relative to the root of all datasets: CoOp's, if it has one. */
  readonly folder: string;
  readonly archives: readonly ArchiveChoice[];
}

/** CoOp's guide, which links to its split files and class names. */
export const coopGuide = "https://github.com/KaiyangZhou/CoOp/blob/main/DATASETS.md";

const oxford = "https://www.robots.ox.ac.uk/~vgg/data";
const places = "http://data.csail.mit.edu/places/places365";

/**
 * The published files of the datasets. Addresses and MD5 sums are those of torchvision,
 * torchvision/datasets/<dataset>.py in github.com/pytorch/vision; for aircraft and caltech101 those of
 * github.com/mlverse/torchvision, R/dataset-fgvc.R and R/dataset-caltech.R.
 */
export const datasetArchives: Readonly<Record<DatasetId, DatasetArchives>> = {
  aircraft: {
    folder: "fgvc_aircraft",
    archives: [
      need({
        name: "fgvc-aircraft-2013b.tar.gz",
        url: `${oxford}/fgvc-aircraft/archives/fgvc-aircraft-2013b.tar.gz`,
        md5: "d4acdd33327262359767eeaa97a4f732",
        contents: inside(
          "fgvc-aircraft-2013b/data",
          "variants.txt",
          "images_variant_train.txt",
          "images_variant_val.txt",
          "images_variant_test.txt",
          "images",
        ),
      }),
    ],
  },
  caltech101: {
    folder: "caltech-101",
    archives: [
      need(
        {
          name: "caltech-101.zip",
          url: "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip",
          md5: "3138e1922a9193bfa496528edbbc45d0",
          contents: { "caltech-101/101_ObjectCategories/101_ObjectCategories": "101_ObjectCategories" },
          nested: true,
        },
        { name: "101_ObjectCategories.tar.gz", contents: inside(".", "101_ObjectCategories") },
      ),
    ],
  },
  cifar100: {
    folder: "cifar-100-python",
    archives: [
      need({
        name: "cifar-100-python.tar.gz",
        url: "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
        md5: "eb9058c3a382ffc7106e4002c42a8d85",
        contents: inside("cifar-100-python", "train", "test", "meta"),
      }),
    ],
  },
  dtd: {
    folder: "dtd",
    archives: [
      need({
        name: "dtd-r1.0.1.tar.gz",
        url: `${oxford}/dtd/download/dtd-r1.0.1.tar.gz`,
        md5: "fff73e5086ae6bdbea199a49dfb8a4c1",
        contents: inside("dtd", "labels", "images"),
      }),
    ],
  },
  eurosat: {
    folder: "eurosat",
    archives: [
      need(
        {
          name: "EuroSAT.zip",
          url: "https://huggingface.co/datasets/torchgeo/eurosat/resolve/c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip",
          md5: "c8fa014336c82ac7804f0398fcb19387",
          contents: inside(".", "2750"),
        },
        { name: "EuroSAT_RGB.zip", contents: { EuroSAT_RGB: "2750" } },
      ),
    ],
  },
  flowers102: {
    folder: "oxford_flowers",
    archives: [
      need({
        name: "102flowers.tgz",
        url: `${oxford}/flowers/102/102flowers.tgz`,
        md5: "52808999861908f626f3c1f4e79d11fa",
        contents: inside(".", "jpg"),
      }),
      need({
        name: "imagelabels.mat",
        url: `${oxford}/flowers/102/imagelabels.mat`,
        md5: "e0620be6f572b9609742df49c70aed4d",
      }),
      need({
        name: "setid.mat",
        url: `${oxford}/flowers/102/setid.mat`,
        md5: "a5357ecc9cb78c4bef273ce3793fc85c",
      }),
    ],
  },
  food101: {
    folder: "food-101",
    archives: [
      need({
        name: "food-101.tar.gz",
        url: "http://data.vision.ee.ethz.ch/cvl/food-101.tar.gz",
        md5: "85eeb15f3717b99a5da872d97d918f87",
        contents: inside("food-101", "license_agreement.txt", "meta", "images"),
      }),
    ],
  },
  mnist: {
    folder: "MNIST/raw",
    archives: [
      need(mnist("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873")),
      need(mnist("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432")),
      need(mnist("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3")),
      need(mnist("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c")),
    ],
  },
  oxford_pets: {
    folder: "oxford_pets",
    archives: [
      need({
        name: "annotations.tar.gz",
        url: `${oxford}/pets/data/annotations.tar.gz`,
        md5: "95a8c909bbe2e81eed6a22bccdf3f68f",
        contents: inside(".", "annotations"),
      }),
      need({
        name: "images.tar.gz",
        url: `${oxford}/pets/data/images.tar.gz`,
        md5: "5c4f3ee8e5d25df40f4fd59a7f44e54c",
        contents: inside(".", "images"),
      }),
    ],
  },
  stanford_cars: {
    folder: "stanford_cars",
    archives: [
      need({ name: "car_devkit.tgz", contents: inside(".", "devkit") }),
      need({ name: "cars_test_annos_withlabels.mat" }),
      need({ name: "cars_test.tgz", contents: inside(".", "cars_test") }),
      need({ name: "cars_train.tgz", contents: inside(".", "cars_train") }),
    ],
  },
  sun397: {
    folder: "sun397",
    archives: [
      need({
        name: "SUN397.tar.gz",
        url: "http://vision.princeton.edu/projects/2010/SUN/SUN397.tar.gz",
        md5: "8ca2778205c41d23104230ba66911c7a",
        contents: inside(".", "SUN397"),
      }),
      may({
        name: "Partitions.zip",
        contents: inside(".", "ClassName.txt", "Training_01.txt", "Testing_01.txt"),
      }),
    ],
  },
  places365: {
    folder: "places365",
    archives: [
      need({
        name: "filelist_places365-standard.tar",
        url: `${places}/filelist_places365-standard.tar`,
        md5: "35a0585fee1fa656440f3ab298f8479c",
        contents: inside(".", "categories_places365.txt", "places365_val.txt"),
      }),
      need({
        name: "val_256.tar",
        url: `${places}/val_256.tar`,
        md5: "e27b17d8d44f4af9a78502beb927f808",
        contents: inside(".", "val_256"),
      }),
    ],
  },
  imagenet1k: {
    folder: "imagenet/images",
    archives: [
      need({ name: "ILSVRC2012_devkit_t12.tar.gz", contents: inside(".", "ILSVRC2012_devkit_t12") }),
      need({ name: "classnames.txt", page: coopGuide }),
      need({ name: "ILSVRC2012_img_val.tar", contents: { ".": "val" } }),
      may({ name: "ILSVRC2012_img_train.tar", contents: { ".": "train" }, nested: true }),
    ],
  },
};

function need(...anyOf: Archive[]): ArchiveChoice {
  return { anyOf };
}

function may(...anyOf: Archive[]): ArchiveChoice {
  return { anyOf, optional: true };
}

/** Files and folders that keep their names. The images come last, so that whoever finds them finds all. */
function inside(folder: string, ...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [folder === "." ? name : `${folder}/${name}`, name]));
}

function mnist(name: string, md5: string): Archive {
  return { name, url: `https://ossci-datasets.s3.amazonaws.com/mnist/${name}`, md5 };
}
