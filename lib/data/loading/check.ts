import {
  type DatasetId,
  datasetDescriptors,
  type ExpectedCounts,
  type OpenDatasetOptions,
  type OpenedDataset,
  openDataset,
} from "../datasets/index.js";
import { findLayout } from "../datasets/layout.js";
import type { Dataset, RandomSplit } from "../types.js";
import { type CheckImagesOptions, checkImages, type ImageCheck } from "./check-images.js";

/** The parts of a dataset that are there, and whether a run can use it. */
export interface DatasetCheck {
  readonly name: string;
  /** `missing`: it is at none of its usual places. `unusable`: a run would stop at it. */
  readonly status: "ready" | "missing" | "unusable";
  /**
   * The reason why it is missing or unusable, other than single images. The fields below are known of
   * datasets that could be opened.
   */
  readonly problem?: string;
  /** The library whose layout of folders it has. */
  readonly layout?: string;
  readonly folder?: string;
  readonly split?: "given" | RandomSplit;
  readonly counts?: Required<ExpectedCounts>;
  /** Counts of the published dataset. */
  readonly expected?: ExpectedCounts;
  readonly warnings?: readonly string[];
  readonly images?: ImageCheck;
}

/**
 * Checks that a dataset of the paper is below a root folder and complete. No content of the disk makes it
 * throw.
 */
export async function checkDataset(
  id: DatasetId,
  options: OpenDatasetOptions & CheckImagesOptions,
): Promise<DatasetCheck> {
  const descriptor = datasetDescriptors[id];
  try {
    await findLayout(id, descriptor, options.root);
  } catch (error) {
    return { name: id, status: "missing", problem: (error as Error).message };
  }
  const { decode, limits, signal, onProgress, ...reading } = options;
  const images = { decode, limits, signal, onProgress };
  const check = await checkSource(id, () => openDataset(id, reading), images);
  return { ...check, expected: descriptor.expected[options.splitSource ?? "coop"] };
}

/** Any dataset, such as images of one's own. @param open an error that it throws is the dataset's problem */
export async function checkSource(
  name: string,
  open: () => Promise<Dataset | OpenedDataset>,
  options: CheckImagesOptions = {},
): Promise<DatasetCheck> {
  let dataset: Dataset | OpenedDataset;
  try {
    dataset = await open();
  } catch (error) {
    return { name, status: "unusable", problem: (error as Error).message };
  }
  const { classes, train, validation, test, split } = dataset;
  const images = await checkImages(dataset, options);
  const problem =
    test.length === 0
      ? `Dataset ${name}: expected test images, got none. Correct its lists or its folders.`
      : undefined;
  return {
    name,
    status: images.usable && problem === undefined ? "ready" : "unusable",
    problem,
    ...("layout" in dataset ? { layout: dataset.layout, folder: dataset.folder } : {}),
    split,
    counts: {
      classes: classes.length,
      train: train.length,
      validation: validation.length,
      test: test.length,
    },
    warnings: dataset.warnings ?? [],
    images,
  };
}
