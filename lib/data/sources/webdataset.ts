import { dirname } from "node:path";
import { checkOptions, decodeText, type OptionKeys } from "../../options/index.js";
import type { Dataset } from "../types.js";
import { withoutPoints } from "./cells.js";
import {
  type CollectionOptions,
  collect,
  collectionOptionKeys,
  type LabelledImage,
  type Parts,
} from "./collection.js";
import { imageExtensions } from "./image-extensions.js";
import { isJunkPath } from "./junk.js";
import { findNames } from "./name-files.js";
import { byPart } from "./part-column.js";
import type { Part } from "./part-names.js";
import { PassedOver } from "./passed-over.js";
import { type PartSample, partFields, partsOfSamples } from "./shard-parts.js";
import { findShards, type Patterns, type Shard, tarShards, undecidedParts, withParts } from "./shards.js";
import { TarFile, type TarMember } from "./tar.js";
import { TarExample } from "./tar-example.js";

export interface WebDatasetOptions extends CollectionOptions {
  /**
   * A folder, shards, or patterns such as `train-{000..012}.tar`, for each part or for all. Names that begin
   * with train, validation, val or test tell the part.
   */
  readonly webdataset: Patterns | Parts<Patterns>;
  /**
   * Extension of the images, such as `jpg` or `left.png`. Default: any known one; a sample may then hold one
   * image only.
   */
  readonly imageExtension?: string;
  /**
   * Field of the `.json` file that holds the label. Default: the `.cls` file, else `label`, else the `.txt`
   * file.
   */
  readonly labelField?: string;
  /**
   * Field of the `.json` file that holds the part: train, validation, test or words alike. Default: where the
   * shards do not tell the parts, `split`, or else a field of nothing but such words.
   */
  readonly splitField?: string;
}

const optionKeys: OptionKeys<WebDatasetOptions> = {
  ...collectionOptionKeys,
  webdataset: true,
  imageExtension: true,
  labelField: true,
  splitField: true,
};

/**
 * Describes images in WebDataset shards: tar archives in which the files of a sample share a path up to their
 * extension. Only headers and labels are read yet. Files that belong to no image are counted in the warnings.
 * @throws if a shard is missing, compressed, truncated or damaged, or a sample has no label
 */
export async function openWebDataset(options: WebDatasetOptions): Promise<Dataset> {
  checkOptions(options, optionKeys, "openWebDataset");
  const passedOver = new PassedOver();
  const { name, webdataset, splitField } = options;
  const shards = await findShards(name, webdataset, tarShards, splitField !== undefined);
  const isInParts = "train" in shards;
  const samples: SampleImage[] = [];
  const parts: Part[] = [];
  for (const [shard, part] of withParts(shards)) {
    for (const image of await readShard(shard, options, passedOver)) {
      samples.push(image);
      if (part !== undefined) parts.push(part);
    }
  }
  const [images = []] = withoutPoints([samples], options.classes);
  const warnings = passedOver.warnings();
  const byField = partsOfSamples(splitField, images, isInParts ? parts : undefined, warnings);
  const told = byField ?? (isInParts ? parts : undefined);
  const files = isInParts ? [...shards.train, ...shards.test] : shards;
  const notes = { warnings, names: await namesBeside(images, files) };
  if (told !== undefined) return collect(options, byPart(images, told, warnings), undefined, notes);
  if (!isInParts) warnings.push(...undecidedParts(name, shards));
  return collect(options, images, undefined, notes);
}

/**
 * Class names of integer labels, from a file beside the shards or above their folders, as clip-benchmark has
 * it.
 */
async function namesBeside(images: readonly LabelledImage[], shards: readonly Shard[]) {
  const labels = [...new Set(images.map(({ label }) => label))];
  const folders = shards.map(({ file }) => dirname(file));
  return findNames(labels, [...folders, ...folders.map((folder) => dirname(folder))]);
}

/** The members of a shard that make one sample. */
interface Sample {
  image?: TarMember;
  /** Name of the image between its first dot and its last, such as `left`. */
  kind?: string;
  /** From `.cls`. */
  text?: string;
  /** From `.json`. */
  field?: string;
  /** From `.json` as well. */
  parts?: ReadonlyMap<string, unknown>;
  /** From `.txt`. It may be no label, and is decoded where it is one. */
  caption?: () => string;
}

type SampleImage = LabelledImage & PartSample;

/** Labels are short: a larger file is not one. */
const largestLabelFile = 2 ** 20;

async function readShard(
  shard: Shard,
  options: WebDatasetOptions,
  passedOver: PassedOver,
): Promise<SampleImage[]> {
  const archive = await TarFile.open(shard.file);
  const samples = new Map<string, Sample>();
  const rest: string[] = [];
  try {
    for await (const member of archive.members((kind) => passedOver.add(kind))) {
      if (isJunkPath(member.path)) continue;
      const [key, extension] = keyOf(member.path, options);
      const sample = samples.get(key) ?? {};
      if (await add(sample, extension, member, archive, options)) samples.set(key, sample);
      else rest.push(extension);
    }
  } finally {
    await archive.close();
  }
  for (const extension of rest) passedOver.add(extension === "" ? "without extension" : `.${extension}`);
  gather(samples, archive, passedOver);
  const images = [...samples].flatMap(([key, sample]) => labelled(shard, key, sample, options));
  passedOver.use(images.length);
  if (images.length > 0) return images;
  const wanted = options.imageExtension ?? [...imageExtensions].join(" ");
  throw new Error(`${shard.file}: expected images (${wanted}), got none. Check what the shard holds.`);
}

/** Path and extension, told apart by the last dot: file names have dates and numbers with dots. */
function keyOf(path: string, { imageExtension }: WebDatasetOptions): [key: string, extension: string] {
  const wanted = imageExtension?.toLowerCase().replace(/^\./, "");
  if (wanted !== undefined && path.toLowerCase().endsWith(`.${wanted}`)) {
    return [path.slice(0, -wanted.length - 1), wanted];
  }
  const [, key = path, extension = ""] = /^(.*[^/])\.([^./]+)$/.exec(path) ?? [];
  return [key, extension.toLowerCase()];
}

/**
 * Brings images without a label of their own to the sample whose name is a beginning of theirs: `a.left.png`
 * to `a.cls`. If that has an image, they are others of the same sample, such as masks, and passed over.
 */
function gather(samples: Map<string, Sample>, archive: TarFile, passedOver: PassedOver): void {
  for (const [key, sample] of [...samples]) {
    if (sample.image === undefined || hasLabel(sample)) continue;
    const owner = owners(key).find((owner) => samples.has(owner));
    const owning = owner === undefined ? undefined : samples.get(owner);
    if (owner === undefined || owning === undefined) continue;
    samples.delete(key);
    const kind = key.slice(owner.length + 1);
    if (owning.image === undefined) [owning.image, owning.kind] = [sample.image, kind];
    else if (owning.kind === undefined) {
      passedOver.add(`second images of a sample, .${kind}.${extensionOf(sample.image)}`);
    } else throw severalImages(archive, owning.image, sample.image);
  }
}

function extensionOf({ path }: TarMember): string {
  return path.slice(path.lastIndexOf(".") + 1).toLowerCase();
}

/** `a/b.c.d` to `a/b.c` and `a/b`. */
function owners(key: string): string[] {
  const nameStart = key.lastIndexOf("/") + 1;
  const found: string[] = [];
  for (let dot = key.lastIndexOf("."); dot > nameStart; dot = key.lastIndexOf(".", dot - 1)) {
    found.push(key.slice(0, dot));
  }
  return found;
}

function hasLabel({ text, field, caption }: Sample): boolean {
  return text !== undefined || field !== undefined || caption !== undefined;
}

function severalImages(archive: TarFile, first: TarMember, second: TarMember): Error {
  return new Error(
    `${archive.file}: expected one image in a sample, got ${first.path} and ${second.path}. ` +
      "Choose with imageExtension, or rename one.",
  );
}

/** @returns whether the member is a part of the sample */
async function add(
  sample: Sample,
  extension: string,
  member: TarMember,
  archive: TarFile,
  { imageExtension, labelField = "label", splitField }: WebDatasetOptions,
): Promise<boolean> {
  const isImage =
    imageExtension === undefined
      ? imageExtensions.has(`.${extension}`)
      : extension === imageExtension.toLowerCase().replace(/^\./, "");
  if (isImage) {
    if (sample.image !== undefined) throw severalImages(archive, sample.image, member);
    sample.image = member;
    return true;
  }
  if (extension !== "cls" && extension !== "json" && extension !== "txt") return false;
  if (member.size > largestLabelFile) {
    if (extension === "txt") return false;
    throw new Error(
      `${archive.file}: expected a label in ${member.path}, got ${member.size} bytes. Write only the label there.`,
    );
  }
  const bytes = Buffer.from(await archive.read(member.offset, member.size)); // the archive's window is larger
  const place = `${archive.file}: ${member.path}`;
  const text = () => decodeText(bytes, place).trim();
  if (extension === "cls") sample.text = text();
  else if (extension === "txt") sample.caption = text;
  else {
    const { [labelField]: label, ...others } = fieldsOf(place, text());
    sample.field = typeof label === "string" || Number.isSafeInteger(label) ? String(label) : undefined;
    sample.parts = partFields(others, splitField);
  }
  return true;
}

/** Nothing where the content is no object: the sample may have a `.cls` file. */
function fieldsOf(place: string, text: string): Readonly<Record<string, unknown>> {
  try {
    return { ...(JSON.parse(text) as Record<string, unknown> | null) };
  } catch (cause) {
    throw new Error(`${place}: expected JSON: ${(cause as Error).message}. Correct it.`, { cause });
  }
}

function labelled(
  shard: Shard,
  key: string,
  { image, text, field, parts = new Map(), caption }: Sample,
  options: WebDatasetOptions,
): SampleImage[] {
  if (image === undefined) return [];
  const { labelField } = options;
  const label = labelField === undefined ? (text ?? field ?? caption?.()) : field;
  if (label === undefined || label === "") {
    const wanted =
      labelField === undefined ? `${key}.cls, or "label" in ${key}.json` : `"${labelField}" in ${key}.json`;
    throw new Error(
      `${shard.file}: expected a text or an integer as label of ${image.path} in ${wanted}, got none. Add it or name its labelField.`,
    );
  }
  const place = `${shard.file}: ${image.path}`;
  return [{ label, fields: parts, place, example: (index) => new TarExample(shard, image, index) }];
}
