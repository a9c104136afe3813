import { classFolders } from "./class-folders.js";
import type { Contents, DatasetDescriptor } from "./descriptor.js";
import { drawMtilSplit } from "./draw.js";
import { exists, readLines } from "./files.js";
import type { FoundLayout } from "./layout.js";

export const sun397: DatasetDescriptor = {
  title: "SUN397",
  page: "https://vision.princeton.edu/projects/2010/SUN/",
  licence: "research",
  layouts: [
    { title: "CoOp", folder: "sun397", contains: "SUN397" },
    { title: "torchvision", folder: "SUN397", contains: "." },
  ],
  coopSplit: { file: "split_zhou_SUN397.json", drawn: "train" },
  expected: {
    coop: { classes: 397, train: 15_880, validation: 3970, test: 19_850 },
    torchvision: { classes: 397, train: 87_003, test: 21_751 },
  },
  template: "a photo of a {}.",
  // "outdoor church" to "church/outdoor": torchvision keeps the order of the folders.
  mtil: { className: (name) => name.split(" ").toReversed().join("/") },
  async read(layout, splitSource) {
    const folders = await readList(layout, "ClassName.txt");
    const classes = folders.map(readableName);
    if (splitSource === "torchvision") return { classes, ...(await drawFromAll(layout, folders)) };
    // The first of ten partitions, as CoOp takes it.
    const labels = new Map(folders.map((folder, label) => [folder, label]));
    const part = async (list: string) =>
      (await readList(layout, list)).map((image) =>
        layout.image(image, labels.get(image.slice(0, image.lastIndexOf("/"))) ?? -1),
      );
    return {
      classes,
      train: await part("Training_01.txt"),
      validation: [],
      test: await part("Testing_01.txt"),
    };
  },
};

async function drawFromAll(
  layout: FoundLayout,
  folders: readonly string[],
): Promise<Omit<Contents, "classes">> {
  const examples = await classFolders(layout, folders);
  return {
    ...drawMtilSplit(examples.toSorted((a, b) => (a.name < b.name ? -1 : 1))),
    warnings: [
      "sun397: the MTIL benchmark draws its split from the images in the order of the file system. Here they are sorted, so the split is another one.",
    ],
  };
}

/** Paths of a list without their leading slash. */
async function readList(layout: FoundLayout, list: string): Promise<string[]> {
  const inside = layout.imageFolder(list);
  const path = (await exists(inside)) ? inside : ((await layout.companion(list)) ?? layout.path(list));
  const lines = await readLines(path);
  return lines.map((line) => line.replace(/^\//, ""));
}

/** "c/church/outdoor" to "outdoor church". */
function readableName(folder: string): string {
  return folder.split("/").slice(1).toReversed().join(" ");
}
