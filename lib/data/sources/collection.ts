import { defaultTemplate } from "../../clip/index.js";
import type { OptionKeys } from "../../options/index.js";
import type { Dataset, Example, RandomSplit } from "../types.js";
import type { FoundNames } from "./name-files.js";
import {
  checkClassNames,
  checkTemplates,
  classNameWarnings,
  damagedNameWarnings,
  withoutNumbers,
} from "./names.js";
import { splitRandomly } from "./split.js";

/** Settings of a user's own images, whatever they are kept in. */
export interface CollectionOptions {
  readonly name: string;
  /** Prompts with `{}` for the class name. Default: `"a photo of a {}."` */
  readonly templates?: string | readonly string[];
  /**
   * Which labels to use and in which order: a list of labels, or a record from label to class name. Default:
   * all, in the order the data declares or else sorted. Without a record a class is called like its label,
   * with spaces for underscores.
   */
  readonly classes?: readonly string[] | Readonly<Record<string, string>>;
  /** How to split images that come without a split. Default: 80 % of each class for training, seed 0. */
  readonly split?: Partial<RandomSplit>;
}

/** Keys of these options, for sources that have more. */
export const collectionOptionKeys: OptionKeys<CollectionOptions> = {
  name: true,
  templates: true,
  classes: true,
  split: true,
};

/** Something for each part of a dataset. */
export interface Parts<T> {
  readonly train: T;
  readonly validation?: T;
  readonly test: T;
}

/** An image with the label that its source gives it: a class name, a folder or an integer in digits. */
export interface LabelledImage {
  readonly label: string;
  /** @param label index into the dataset's classes */
  readonly example: (label: number) => Example;
}

/** Facts that a source knows beside the images. */
export interface SourceNotes {
  /** Messages for the user. */
  readonly warnings?: readonly string[];
  /** Class names from a file beside the data; the user's own names go before them. */
  readonly names?: FoundNames;
}

/**
 * Makes a dataset of labelled images: chooses and names the classes, and splits what has no parts. Images of
 * other labels are left out.
 * @param declared all labels in order, where the source declares them. Default: those found, integers by
 * value, others by code unit
 * @throws if there are no images, a chosen class is unknown, two have one name, or one has no images for
 * training or for testing
 */
export function collect(
  options: CollectionOptions,
  images: readonly LabelledImage[] | Parts<readonly LabelledImage[]>,
  declared?: readonly string[],
  notes: SourceNotes = {},
): Dataset {
  const { name } = options;
  const templates = [options.templates ?? defaultTemplate].flat();
  checkTemplates(name, templates);
  const warnings = [...(notes.warnings ?? [])];
  const parts = "train" in images ? withTests(images, warnings) : { train: images, test: [] };
  const used = labelsOf(parts);
  const known = declared ?? used;
  const named = chooseClasses(options.classes, known, used, notes.names?.names, warnings);
  checkKnown(name, [...named.keys()], known);
  const classes = [...named.values()];
  if (classes.length === 0) {
    throw new Error(`Dataset ${name}: expected labelled images, got none. Check what the files hold.`);
  }
  checkClassNames(name, classes);
  if (options.classes === undefined || Array.isArray(options.classes))
    warnings.push(...(notes.names?.warnings ?? []), ...classNameWarnings(classes));
  warnings.push(...damagedNameWarnings(classes));

  const indices = new Map([...named.keys()].map((label, index) => [label, index]));
  const select = (part: readonly LabelledImage[] = []): Example[] =>
    part.flatMap(({ label, example }) => {
      const index = indices.get(label);
      return index === undefined ? [] : [example(index)];
    });
  const train = select(parts.train);
  if ("train" in images) {
    const [validation, test] = [select(parts.validation), select(parts.test)];
    checkComplete(name, classes, train, test);
    return { name, classes, templates, train, validation, test, split: "given", warnings };
  }
  const split = { trainFraction: 0.8, seed: 0, ...options.split };
  const drawn = splitRandomly({ name, classes, examples: train }, split);
  return { name, classes, templates, ...drawn, validation: [], split, warnings };
}

/** The parts, with validation images as tests where there are no others. */
function withTests<T>(parts: Parts<readonly T[]>, warnings: string[]): Parts<readonly T[]> {
  const { train, validation = [], test } = parts;
  if (test.length > 0 || validation.length === 0) return parts;
  warnings.push("There are no images for tests: those for validation are tested on.");
  return { train, test: validation };
}

/**
 * The labels to use with their class names. What was done beyond spaces for underscores is added to the
 * warnings.
 */
function chooseClasses(
  chosen: CollectionOptions["classes"],
  known: readonly string[],
  used: readonly string[],
  names: ReadonlyMap<string, string> | undefined,
  warnings: string[],
): Map<string, string> {
  if (chosen !== undefined && !Array.isArray(chosen)) return namedLabels(chosen);
  const found = new Set(used);
  const labels: readonly string[] = chosen ?? known.filter((label) => found.has(label));
  if (chosen === undefined && labels.length < known.length && labels.length > 0) {
    const unused = known.filter((label) => !found.has(label));
    warnings.push(
      `No image has the label of ${unused.length} of ${known.length} classes, which are left out: ${list(unused)}.`,
    );
  }
  const better = names ?? withoutNumbers(labels);
  if (names === undefined && better !== undefined) {
    warnings.push(`The numbers before class names are left out, such as those of "${labels[0]}".`);
  }
  return new Map([...namedLabels(labels)].map(([label, name]) => [label, better?.get(label) ?? name]));
}

/** Class names by label, in order. */
export function namedLabels(classes: NonNullable<CollectionOptions["classes"]>): Map<string, string> {
  if (!Array.isArray(classes)) return new Map(Object.entries(classes));
  return new Map(classes.map((label: string) => [label, label.replaceAll("_", " ")]));
}

/** The beginning of a list, for messages. */
export function list(names: readonly string[]): string {
  if (names.length === 0) return "none";
  return names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");
}

/** All labels, integers by value, others by code unit. */
export function labelsOf({ train, validation = [], test }: Parts<readonly { label: string }[]>): string[] {
  const labels = new Set<string>();
  for (const part of [train, validation, test]) for (const { label } of part) labels.add(label);
  const sorted = [...labels].sort();
  return sorted.every((label) => /^\d+$/.test(label)) ? sorted.sort((a, b) => Number(a) - Number(b)) : sorted;
}

function checkKnown(name: string, chosen: readonly string[], known: readonly string[]): void {
  const labels = new Set(known);
  const unknown = chosen.filter((label) => !labels.has(label));
  if (unknown.length === 0) return;
  throw new Error(
    `Classes of ${name}: expected labels of the data (${list(known)}), got ${list(unknown)}. Check the spelling.`,
  );
}

function checkComplete(
  name: string,
  classes: readonly string[],
  train: readonly Example[],
  test: readonly Example[],
): void {
  const withoutImages = (part: readonly Example[]) => {
    const labels = new Set(part.map(({ label }) => label));
    return classes.filter((_, label) => !labels.has(label));
  };
  const [untrained, untested] = [withoutImages(train), withoutImages(test)];
  if (untrained.length + untested.length === 0) return;
  const got = [
    ...(untrained.length > 0 ? [`no training images of: ${list(untrained)}`] : []),
    ...(untested.length > 0 ? [`no test images of: ${list(untested)}`] : []),
  ];
  throw new Error(
    `Dataset ${name}: expected images of every class for training and for testing, got ${got.join("; ")}. ` +
      "Add images, or choose the classes to use.",
  );
}
