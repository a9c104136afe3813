import { defaultTemplate } from "../../clip/index.js";
import { checkOptions, type OptionKeys } from "../../options/index.js";
import type { Dataset } from "../types.js";
import { coopGuide } from "./archives.js";
import { type DatasetId, datasetDescriptors } from "./catalogue.js";
import type { Contents, DatasetDescriptor, PromptChange, PromptSet, SplitSource } from "./descriptor.js";
import { drawCoopSplit } from "./draw.js";
import { type FoundLayout, findLayout } from "./layout.js";
import { readSplitFile } from "./split-file.js";

export interface OpenDatasetOptions {
  /** The folder that holds the folders of the datasets. */
  readonly root: string;
  /** Default: `coop`. */
  readonly splitSource?: SplitSource;
  /** Default: `per-dataset`. */
  readonly promptSet?: PromptSet;
  /**
   * Draw a split by CoOp's rule where CoOp's split file is not there. Not comparable with published results.
   */
  readonly drawSplit?: { readonly seed: number };
}

const optionKeys: OptionKeys<OpenDatasetOptions> = {
  root: true,
  splitSource: true,
  promptSet: true,
  drawSplit: true,
};

/** A dataset of the paper that was found on disk. */
export interface OpenedDataset extends Dataset {
  readonly name: DatasetId;
  /** The library whose layout of folders it has. */
  readonly layout: string;
  readonly folder: string;
  /** Differences from the published dataset, such as the number of images. */
  readonly warnings: readonly string[];
}

/**
 * Opens a dataset of the paper in any of its usual layouts. Images are neither opened nor looked for. Class
 * names are readable, with spaces for underscores; two classes may have the same name. Images are in the
 * order of the lists.
 * @throws if no folder has it, listing those looked for
 * @throws if a list or label file is missing or damaged, or CoOp's split file is missing without a draw
 * @throws if a class has no training images
 */
export async function openDataset(id: DatasetId, options: OpenDatasetOptions): Promise<OpenedDataset> {
  checkOptions(options, optionKeys, "openDataset");
  const { root, splitSource = "coop", promptSet = "per-dataset" } = options;
  const descriptor = descriptorOf(id);
  const found = await findLayout(id, descriptor, root);
  const contents = await readContents(id, found, options);
  checkLabels(id, contents);
  const { template, className } = prompts(descriptor, promptSet);
  return {
    name: id,
    classes: contents.classes.map((name) => className(name).replaceAll("_", " ")),
    templates: [template],
    train: contents.train,
    validation: contents.validation,
    test: contents.test,
    split: contents.split ?? "given",
    layout: found.layout.title,
    folder: found.folder,
    warnings: [...(contents.warnings ?? []), ...countWarnings(id, contents, splitSource)],
  };
}

function descriptorOf(id: string): DatasetDescriptor {
  const known = datasetDescriptors as Readonly<Record<string, DatasetDescriptor>>;
  if (Object.hasOwn(known, id)) return known[id] as DatasetDescriptor;
  throw new RangeError(
    `Dataset ${id}: expected one of ${Object.keys(known).join(", ")}, got an unknown name. Check its spelling.`,
  );
}

async function readContents(
  id: DatasetId,
  found: FoundLayout,
  { splitSource = "coop", drawSplit }: OpenDatasetOptions,
): Promise<Contents> {
  const { coopSplit, read } = descriptorOf(id);
  if (splitSource === "torchvision" || coopSplit === undefined) return read(found, splitSource);
  const { title, fitsCoopSplit = true } = found.layout;
  const splitFile = fitsCoopSplit ? await found.companion(coopSplit.file) : undefined;
  if (splitFile !== undefined) return readSplitFile(splitFile, found);
  if (drawSplit !== undefined) {
    return drawCoopSplit(await read(found, "coop"), coopSplit.drawn, drawSplit.seed);
  }
  if (!fitsCoopSplit) {
    throw new Error(
      `Dataset ${id}: expected a layout that CoOp's split file fits, got ${title} in ${found.folder}. Take the official split with split ` +
        'source "torchvision", ask for a split to be drawn with a seed, or unpack the published archives.',
    );
  }
  throw new Error(
    `Dataset ${id}: expected CoOp's split file at one of these places, got none. Download it (${coopGuide}), take the ` +
      'official split with split source "torchvision", or ask for a split to be drawn with a seed.\n' +
      found
        .companionPlaces(coopSplit.file)
        .map((place) => `  ${place}`)
        .join("\n"),
  );
}

/** Hold-outs may have no training images at all. */
function checkLabels(id: DatasetId, { classes, train, validation, test }: Contents): void {
  const stray = [train, validation, test].flatMap(
    (part) => part.find(({ label }) => classes[label] === undefined) ?? [],
  );
  for (const { name, label } of stray) {
    throw new Error(
      `Dataset ${id}: expected labels from 0 to ${classes.length - 1}, got ${label} for ${name}. Download its lists again.`,
    );
  }
  const trained = new Set(train.map(({ label }) => label));
  const untrained = classes.findIndex((_, label) => !trained.has(label));
  if (train.length > 0 && untrained >= 0) {
    throw new Error(
      `Dataset ${id}: expected training images of every class, got none of "${classes[untrained]}". Unpack its archives again.`,
    );
  }
}

function prompts({ template, rail, mtil }: DatasetDescriptor, set: PromptSet): Required<PromptChange> {
  const className = (name: string) => name;
  const sets: Record<PromptSet, Required<PromptChange>> = {
    "per-dataset": { template, className },
    rail: { template: defaultTemplate, className, ...rail },
    mtil: { template, className, ...mtil },
  };
  if (Object.hasOwn(sets, set)) return sets[set];
  throw new RangeError(
    `Prompt set: expected ${Object.keys(sets).join(", ")}, got ${set}. Choose one of them.`,
  );
}

function countWarnings(id: DatasetId, contents: Contents, splitSource: SplitSource): string[] {
  const expected = descriptorOf(id).expected[splitSource];
  const nouns = {
    classes: "classes",
    train: "training images",
    validation: "validation images",
    test: "test images",
  };
  return (Object.keys(nouns) as (keyof typeof nouns)[]).flatMap((part) => {
    const [count, wanted, noun] = [contents[part].length, expected[part], nouns[part]];
    return wanted === undefined || wanted === count ? [] : `${id}: expected ${wanted} ${noun}, got ${count}.`;
  });
}
