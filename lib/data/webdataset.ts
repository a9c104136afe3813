import { open } from "node:fs/promises";
import { checkOptions, type OptionKeys } from "../options/index.js";
import {
  type CollectionOptions,
  collect,
  collectionOptionKeys,
  type LabelledImage,
  type Parts,
} from "./collection.js";
import { imageExtensions } from "./image-extensions.js";
import { findShards, type Patterns, type Shard } from "./shards.js";
import { TarFile, type TarMember } from "./tar.js";
import type { Dataset, Example } from "./types.js";

export interface WebDatasetOptions extends CollectionOptions {
  /**
   * A folder, shards or patterns such as `train-{000..012}.tar`, whose parts are told by names that begin with train, validation, val or
   * test; or these for each part.
   */
  readonly webdataset: Patterns | Parts<Patterns>;
  /** Extension of the images, such as `jpg` or `left.png`. Default: any known one; a sample may then hold one image only. */
  readonly imageExtension?: string;
  /** Field of the `.json` file that holds the label. Default: the `.cls` file, or `label` where a sample has none. */
  readonly labelField?: string;
}

const optionKeys: OptionKeys<WebDatasetOptions> = {
  ...collectionOptionKeys,
  webdataset: true,
  imageExtension: true,
  labelField: true,
};

/**
 * Describes images in WebDataset shards: tar archives in which the files of a sample share a path up to the first dot of the file name.
 * Only headers and labels are read yet; files that belong to no image are passed over.
 * @throws if a shard is missing, compressed, truncated or damaged, or a sample has no label
 */
export async function openWebDataset(options: WebDatasetOptions): Promise<Dataset> {
  checkOptions(options, optionKeys, "openWebDataset");
  const read = async (shards: readonly Shard[] = []): Promise<LabelledImage[]> => {
    const images: LabelledImage[] = [];
    for (const shard of shards) for (const image of await readShard(shard, options)) images.push(image);
    return images;
  };
  const shards = await findShards(options.name, options.webdataset, [".tar", ".tar.gz", ".tgz", ".tar.zst"]);
  if (!("train" in shards)) return collect(options, await read(shards));
  const train = await read(shards.train);
  const validation = await read(shards.validation);
  const test = await read(shards.test);
  return collect(options, { train, validation, test });
}

/** An image in a shard. */
class TarExample implements Example {
  constructor(
    readonly shard: Shard,
    readonly member: TarMember,
    readonly label: number,
  ) {}

  get file(): string {
    return this.shard.file;
  }

  get name(): string {
    return `${this.shard.name}/${this.member.path}`;
  }

  async read(): Promise<Uint8Array> {
    const { offset, size } = this.member;
    const handle = await open(this.file);
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(size), 0, size, offset);
      if (bytesRead === size) return buffer;
    } finally {
      await handle.close();
    }
    throw new Error(
      `${this.name}: expected ${size} bytes at ${offset}, got the end of ${this.file}. Copy it again.`,
    );
  }
}

/** What a shard holds of one sample. */
interface Sample {
  image?: TarMember;
  /** From `.cls`. */
  text?: string;
  /** From `.json`. */
  field?: string;
}

/** Labels are short: a larger file is not one. */
const largestLabelFile = 2 ** 20;

async function readShard(shard: Shard, options: WebDatasetOptions): Promise<LabelledImage[]> {
  const archive = await TarFile.open(shard.file);
  const samples = new Map<string, Sample>();
  try {
    for await (const member of archive.members()) {
      const [, key, extension] = /^((?:.*\/)?[^./][^/.]*)\.([^/]+)$/.exec(member.path) ?? [];
      if (key === undefined || extension === undefined) continue;
      const sample = samples.get(key) ?? {};
      await add(sample, extension.toLowerCase(), member, archive, options);
      samples.set(key, sample);
    }
  } finally {
    await archive.close();
  }
  const images = [...samples].flatMap(([key, sample]) => labelled(shard, key, sample, options));
  if (images.length > 0) return images;
  const wanted = options.imageExtension ?? [...imageExtensions].join(" ");
  throw new Error(`${shard.file}: expected images (${wanted}), got none. Check what the shard holds.`);
}

async function add(
  sample: Sample,
  extension: string,
  member: TarMember,
  archive: TarFile,
  { imageExtension, labelField = "label" }: WebDatasetOptions,
): Promise<void> {
  const isImage =
    imageExtension === undefined
      ? imageExtensions.has(`.${extension}`)
      : extension === imageExtension.toLowerCase().replace(/^\./, "");
  if (isImage) {
    if (sample.image !== undefined) {
      throw new Error(
        `${archive.file}: expected one image in a sample, got ${sample.image.path} and ${member.path}. ` +
          "Choose with imageExtension, or rename one.",
      );
    }
    sample.image = member;
  } else if (extension === "cls" || extension === "json") {
    if (member.size > largestLabelFile) {
      throw new Error(
        `${archive.file}: expected a label in ${member.path}, got ${member.size} bytes. Write only the label there.`,
      );
    }
    const text = (await archive.read(member.offset, member.size)).toString("utf8").trim();
    if (extension === "cls") sample.text = text;
    else sample.field = fieldOf(`${archive.file}: ${member.path}`, text, labelField);
  }
}

/** Nothing where the field is missing or no label: the sample may have a `.cls` file. */
function fieldOf(place: string, text: string, field: string): string | undefined {
  try {
    const content = JSON.parse(text) as Record<string, unknown> | null;
    const value = content !== null && Object.hasOwn(content, field) ? content[field] : undefined;
    return typeof value === "string" || Number.isSafeInteger(value) ? String(value) : undefined;
  } catch (cause) {
    throw new Error(`${place}: expected JSON: ${(cause as Error).message}. Correct it.`, { cause });
  }
}

function labelled(
  shard: Shard,
  key: string,
  { image, text, field }: Sample,
  options: WebDatasetOptions,
): LabelledImage[] {
  if (image === undefined) return [];
  const { labelField } = options;
  const label = labelField === undefined ? (text ?? field) : field;
  if (label === undefined || label === "") {
    const wanted =
      labelField === undefined ? `${key}.cls, or "label" in ${key}.json` : `"${labelField}" in ${key}.json`;
    throw new Error(
      `${shard.file}: expected a text or an integer as label of ${image.path} in ${wanted}, got none. Add it or name its labelField.`,
    );
  }
  return [{ label, example: (index) => new TarExample(shard, image, index) }];
}
