import type { Example } from "../types.js";
import { classFolders } from "./class-folders.js";
import type { DatasetDescriptor } from "./descriptor.js";
import { exists, folderNames, imageNames, readLines } from "./files.js";
import { findDevkit, readSynsets, synsetNames } from "./imagenet-synsets.js";
import type { FoundLayout } from "./layout.js";

const expected = { classes: 1000, test: 50_000 };
const imagePath = (path: string) => path; // starts with train or val

/** A hold-out: tested on its validation images. The training images are listed where they are there. */
export const imagenet1k: DatasetDescriptor = {
  title: "ImageNet-1k (ILSVRC 2012)",
  page: "https://image-net.org/challenges/LSVRC/2012/",
  licence: "non-commercial research and education, after registration",
  layouts: [
    { title: "CoOp", folder: "imagenet/images", contains: "val", imagePath },
    { title: "torchvision", folder: "imagenet", contains: "val", imagePath },
    { title: "torchvision", folder: ".", contains: "val/n01440764", imagePath },
  ],
  expected: { coop: expected, torchvision: expected },
  template: "a photo of a {}.",
  async read(layout) {
    const folders = (await folderNames(layout.path("val"))).filter((folder) => /^n\d{8}$/.test(folder));
    const { wnids, test } =
      folders.length > 0
        ? { wnids: folders, test: await readFolders(layout, "val", folders) }
        : await readFlat(layout);
    const hasTrain = await exists(layout.path("train"));
    return {
      ...(await synsetNames(layout, wnids)),
      train: hasTrain ? await readFolders(layout, "train", wnids) : [],
      validation: [],
      test,
    };
  },
};

function readFolders(layout: FoundLayout, part: string, wnids: readonly string[]): Promise<Example[]> {
  return classFolders(
    layout,
    wnids.map((wnid) => `${part}/${wnid}`),
  );
}

/**
 * The validation images as they are published: numbered, with a list of ILSVRC ids, which are not positions
 * in the sorted WordNet ids.
 */
async function readFlat(layout: FoundLayout): Promise<{ wnids: string[]; test: Example[] }> {
  const devkit = await findDevkit(layout);
  if (devkit === undefined) {
    throw new Error(
      `${layout.path("val")}: expected a folder for each WordNet id (n01440764, ...), got none. Move the images into such folders, ` +
        `or unpack ILSVRC2012_devkit_t12.tar.gz at ${layout.folder}.`,
    );
  }
  const wnidById = new Map((await readSynsets(devkit)).map(({ id, wnid }) => [id, wnid]));
  const wnids = [...wnidById.values()].sort();
  const labels = new Map(wnids.map((wnid, label) => [wnid, label]));

  const path = `${devkit}/ILSVRC2012_validation_ground_truth.txt`;
  const [ids, images] = [await readLines(path), await imageNames(layout.path("val"))];
  const test = images.map((image) => {
    const number = Number(/_(\d{8})\./.exec(image)?.[1]);
    const label = labels.get(wnidById.get(Number(ids[number - 1])) ?? "");
    if (label !== undefined) return layout.image(`val/${image}`, label);
    throw new Error(`${path}: expected the class of ${image}, got none. Unpack the devkit again.`);
  });
  return { wnids, test };
}
