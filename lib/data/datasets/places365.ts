import { classFolders } from "./class-folders.js";
import { classNames } from "./class-names.js";
import type { Contents, DatasetDescriptor, Layout } from "./descriptor.js";
import { folderNames, readLines } from "./files.js";
import type { FoundLayout } from "./layout.js";

const expected = { classes: 365, test: 36_500 };

const torchvisionLayouts = ["places365", "Places365", "."].flatMap((folder): Layout[] => [
  { title: "torchvision, small images", folder, contains: "val_256" },
  { title: "torchvision, large images", folder, contains: "val_large" },
]);
const easyLayouts = ["places365_standard", "places365/places365_standard"].map(
  (folder): Layout => ({ title: "easy format", folder, contains: "val" }),
);

/** A hold-out: only its validation images are used. */
export const places365: DatasetDescriptor = {
  title: "Places365-Standard",
  page: "http://places2.csail.mit.edu/download.html",
  licence: "research; the images belong to their owners",
  layouts: [...torchvisionLayouts, ...easyLayouts],
  expected: { coop: expected, torchvision: expected },
  template: "a photo of a {}.",
  async read(found) {
    const parts = easyLayouts.includes(found.layout) ? await readFolders(found) : await readLists(found);
    return { train: [], validation: [], ...parts };
  },
};

type HoldOut = Pick<Contents, "classes" | "test">;

async function readLists(layout: FoundLayout): Promise<HoldOut> {
  const categories = layout.path("categories_places365.txt");
  const labels = (await readPairs(categories)).map(
    ([category, label]) => [label, readableName(category.split("/").slice(2))] as const,
  );
  const classes = classNames(categories, labels);
  const images = await readPairs(layout.path("places365_val.txt"));
  return { classes, test: images.map(([image, label]) => layout.image(image, label)) };
}

/** Folders are called like categories without the letter, with dashes for slashes. */
async function readFolders(layout: FoundLayout): Promise<HoldOut> {
  const folders = await folderNames(layout.imageFolder());
  const classes = folders.map((folder) => readableName(folder.split("-")));
  return { classes, test: await classFolders(layout, folders) };
}

/** Lines of a name and a label. */
async function readPairs(path: string): Promise<[name: string, label: number][]> {
  return (await readLines(path)).map((line) => {
    const [, name, label] = /^(\S+) (\d{1,3})$/.exec(line) ?? [];
    if (name !== undefined) return [name, Number(label)];
    throw new Error(`${path}: expected a name and a label, got "${line}". Unpack the archive again.`);
  });
}

/** ["apartment_building", "outdoor"] to "outdoor apartment_building", as for SUN397. */
function readableName(parts: readonly string[]): string {
  return parts.toReversed().join(" ");
}
