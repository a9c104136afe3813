import { existsSync } from "node:fs";
import { copyFile, mkdir, rename } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import {
  type Archive,
  type ArchiveChoice,
  coopGuide,
  type DatasetDescriptor,
  type DatasetId,
  datasetArchives,
  datasetDescriptors,
} from "../data/index.js";
import { download, megabytes, unpack } from "../download/index.js";
import type { WorkObserver } from "./observer.js";

export interface PrepareOptions {
  /** The folder that holds the folders of the datasets. */
  readonly root: string;
  /** Fetch what anyone may download, where it is missing. */
  readonly download: boolean;
  readonly signal: AbortSignal;
  readonly progress: WorkObserver;
}

/** The result of preparing a dataset. */
export interface PreparedDataset {
  readonly name: DatasetId;
  readonly title: string;
  readonly page: string;
  readonly licence: string;
  readonly folder: string;
  /** Set if the dataset was there in a layout that is not made here; then nothing was done. */
  readonly layout?: string;
  readonly files: readonly PreparedFile[];
}

export interface PreparedFile {
  /** Names of the archives of which one is needed. */
  readonly names: readonly string[];
  readonly status: "present" | "unpacked" | "copied" | "downloaded" | "missing" | "failed";
  readonly optional: boolean;
  /** Address from which `codyra data prepare --download` gets it. */
  readonly url?: string;
  /** The page on which it is obtained by hand. */
  readonly page: string;
  readonly problem?: string;
}

/**
 * Brings the published files of a dataset into the layout that runs read. It unpacks archives that lie in the
 * root or the dataset's folder, and downloads the others if asked to. What is in place is not touched, and a
 * failure of one file does not stop the others.
 * @throws only if aborted
 */
export async function prepareDataset(name: DatasetId, options: PrepareOptions): Promise<PreparedDataset> {
  const descriptor: DatasetDescriptor = datasetDescriptors[name];
  const { title, page, licence, coopSplit } = descriptor;
  const { folder, archives } = datasetArchives[name];
  const about = { name, title, page, licence };
  const other = otherLayout(descriptor, folder, archives, options.root);
  if (other !== undefined) {
    return { ...about, folder: join(options.root, other.folder), layout: other.title, files: [] };
  }
  const choices = [...archives];
  if (coopSplit !== undefined) choices.push({ anyOf: [{ name: coopSplit.file, page: coopGuide }] });
  const files: PreparedFile[] = [];
  for (const choice of choices) {
    const outcome = await obtain(choice, folder, options);
    const names = choice.anyOf.map(({ name }) => name);
    const { url, page = about.page } = choice.anyOf[0] as Archive;
    files.push({ names, optional: choice.optional ?? false, url, page, ...outcome });
  }
  return { ...about, folder: join(options.root, folder), files };
}

/** A layout that is on disk and is not the one that these archives make. */
function otherLayout(
  { layouts }: DatasetDescriptor,
  folder: string,
  archives: readonly ArchiveChoice[],
  root: string,
) {
  const made = new Set([".", ...archives.flatMap(({ anyOf }) => anyOf.flatMap(targets))]);
  return layouts.find(
    (layout) =>
      !(layout.folder === folder && made.has(layout.contains)) &&
      existsSync(join(root, layout.folder, layout.contains)),
  );
}

function targets({ name, contents }: Archive): string[] {
  return contents ? Object.values(contents) : [name];
}

type Outcome = Pick<PreparedFile, "status" | "problem">;

async function obtain({ anyOf }: ArchiveChoice, folder: string, options: PrepareOptions): Promise<Outcome> {
  const directory = join(options.root, folder);
  if (anyOf.some((archive) => targets(archive).every((target) => isThere(join(directory, target))))) {
    return { status: "present" };
  }
  try {
    for (const archive of anyOf) {
      const found = places(options.root, folder, archive.name).find((path) => existsSync(path));
      if (found === undefined) continue;
      await install(archive, found, directory, options);
      return { status: archive.contents ? "unpacked" : "copied" };
    }
    const archive = options.download ? anyOf.find(({ url, md5 }) => url && md5) : undefined;
    if (archive === undefined) return { status: "missing" };
    const path = join(directory, archive.name);
    await fetchArchive(archive, path, options);
    await install(archive, path, directory, options);
    return { status: "downloaded" };
  } catch (error) {
    options.signal.throwIfAborted();
    return { status: "failed", problem: (error as Error).message };
  } finally {
    options.progress.finish();
  }
}

/** MNIST may be there without `.gz`. */
function isThere(path: string): boolean {
  return existsSync(path) || (path.endsWith("-ubyte.gz") && existsSync(path.slice(0, -".gz".length)));
}

/**
 * The places of a file from the user: the dataset's folder, those above it up to the root, and `data_splits`
 * in each.
 */
function places(root: string, folder: string, name: string): string[] {
  const folders: string[] = [];
  for (let place = normalize(folder); place !== "."; place = dirname(place)) folders.push(place);
  return [...folders, "."].flatMap((place) => [
    join(root, place, name),
    join(root, place, "data_splits", name),
  ]);
}

async function fetchArchive(
  { name, url, md5 }: Archive,
  path: string,
  { signal, progress }: PrepareOptions,
): Promise<void> {
  progress.start(`downloading ${name}`);
  await download(url as string, path, {
    md5,
    signal,
    onRetry: (error, waitMs) => progress.say(`${error.message} Next attempt in ${waitMs / 1000} s.`),
    onWait: (lock) => progress.say(`Another process downloads ${name}; waiting (${lock}).`),
    onProgress: (done, total = done) => progress.update(megabytes(done), megabytes(total), "MB"),
  });
}

async function install(
  { name, contents, nested }: Archive,
  found: string,
  directory: string,
  { signal, progress }: PrepareOptions,
): Promise<void> {
  const target = join(directory, name);
  if (contents !== undefined) {
    progress.start(`unpacking ${name}`);
    await unpack(found, directory, contents, {
      nested,
      signal,
      onWait: (lock) => progress.say(`Another process unpacks ${name}; waiting (${lock}).`),
      onProgress: (done, total) => progress.update(megabytes(done), megabytes(total), "MB"),
    });
  } else if (found !== target) {
    await mkdir(directory, { recursive: true });
    await copyFile(found, `${target}.part`);
    await rename(`${target}.part`, target);
  }
}
