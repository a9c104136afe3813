import type { DecodedImage } from "../clip/index.js";
import type { ImageSet } from "./loading/image-set.js";

/** One labelled image of a dataset, not read yet. */
export interface Example {
  /**
   * Names the image in messages and in the files of a run: its path relative to the dataset, or its place in
   * a larger file.
   */
  readonly name: string;
  /** Index into the dataset's `classes`. */
  readonly label: number;
  /** The file that holds the image; together with `name` it identifies the image. */
  readonly file: string;
  /**
   * The path of that file as the system has it, where it is not UTF-8: such names have no text that leads to
   * them.
   */
  readonly rawFile?: Buffer | undefined;
  /**
   * The bytes of the image file, or its pixels where the dataset keeps them without a format.
   * @throws if the file is missing or damaged
   */
  read(): Promise<Uint8Array | DecodedImage>;
}

/** A labelled image collection on disk; nothing is decoded yet. */
export interface Dataset {
  readonly name: string;
  readonly classes: readonly string[];
  /**
   * Prompts with `{}` for the class name. The first is used in training; protocols may average over all of
   * them in tests.
   */
  readonly templates: readonly string[];
  readonly train: readonly Example[];
  /** Set apart for tuning; empty where the data has no such part. No run trains or tests on it. */
  readonly validation: readonly Example[];
  readonly test: readonly Example[];
  /** How train and test were told apart: by the data itself, or by a seeded draw per class. */
  readonly split: "given" | RandomSplit;
  /** Messages for the user, such as about files that are not used. */
  readonly warnings?: readonly string[];
}

/** A split that was drawn because the data came without one. */
export interface RandomSplit {
  /** Part of each class that is used for training, between 0 and 1. */
  readonly trainFraction: number;
  readonly seed: number;
}

/** A dataset in memory, ready to train on: what a continual-learning run learns one after another. */
export interface Task {
  readonly name: string;
  readonly classes: readonly string[];
  readonly templates: readonly string[];
  readonly train: ImageSet;
  readonly test: ImageSet;
  /** SHA-256 of classes, labels and image contents of both parts, in order. */
  readonly fingerprint: string;
  /** How the training images were drawn from the dataset; `undefined` when all were taken. */
  readonly sample?: FewShotSample;
  /** Releases the images. */
  dispose(): void;
}

/**
 * The training images that a few-shot draw chose. Kept with a run, so that it can be repeated and checked.
 */
export interface FewShotSample {
  /** Images per class. */
  readonly shots: number;
  readonly seed: number;
  /** Indices into the dataset's `train`, class by class. */
  readonly indices: readonly number[];
  /** Names of the chosen images, in the order of `indices`. */
  readonly names: readonly string[];
  /** Classes with fewer than `shots` images, and what was done about it. */
  readonly short: readonly { readonly className: string; readonly available: number }[];
}
