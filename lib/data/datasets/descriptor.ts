import type { Example, RandomSplit } from "../types.js";
import type { FoundLayout } from "./layout.js";

/**
 * Whose division into training and test images: that of CoOp's split files, or the official lists as
 * torchvision reads them.
 */
export type SplitSource = "coop" | "torchvision";

/**
 * Source of class names and template. `per-dataset`: CoOp and the CoDyRA code; `rail`: one template for
 * everything; `mtil`: the code of the MTIL benchmark.
 */
export type PromptSet = "per-dataset" | "rail" | "mtil";

/** Everything that is known about a dataset of the paper before it is opened. */
export interface DatasetDescriptor {
  readonly title: string;
  /** The page that offers it. */
  readonly page: string;
  readonly licence: string;
  /** The places where it may lie; the first that is found is used. */
  readonly layouts: readonly Layout[];
  /** Absent where CoOp uses the official lists, or does not have the dataset. */
  readonly coopSplit?: CoopSplit;
  readonly expected: Readonly<Record<SplitSource, ExpectedCounts>>;
  /** The one template of the prompt set `per-dataset`. */
  readonly template: string;
  /** Changes of the other prompt sets. */
  readonly rail?: Pick<PromptChange, "className">;
  readonly mtil?: PromptChange;
  /** @internal Reads the published lists; no image is opened. */
  readonly read: (layout: FoundLayout, splitSource: SplitSource) => Promise<Contents>;
}

export interface Layout {
  /** Who uses it. */
  readonly title: string;
  /** The dataset's folder, relative to the root. */
  readonly folder: string;
  /** A file or folder by which the layout is recognised. */
  readonly contains: string;
  /** Path of an image of the lists, relative to the folder. Default: inside `contains`. */
  readonly imagePath?: (path: string) => string;
  /** Whether the paths of CoOp's split file lead to its images. Default: true. */
  readonly fitsCoopSplit?: boolean;
}

export interface CoopSplit {
  readonly file: string;
  /** The images that CoOp divides by chance without a split file: all, or the official training images. */
  readonly drawn: "all" | "train";
}

/** A count that is left out is not compared. */
export interface ExpectedCounts {
  readonly classes: number;
  readonly train?: number;
  readonly validation?: number;
  readonly test: number;
}

export interface PromptChange {
  readonly template?: string;
  /** Turns the dataset's name of a class into that of the prompt set. */
  readonly className?: (name: string) => string;
}

/** The contents of a dataset's lists. */
export interface Contents {
  readonly classes: readonly string[];
  readonly train: readonly Example[];
  readonly validation: readonly Example[];
  readonly test: readonly Example[];
  /** Set where train and test had to be drawn. */
  readonly split?: RandomSplit;
  readonly warnings?: readonly string[];
}
