import { createHash, randomBytes } from "node:crypto";
import { readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { contentDigest, digest } from "../loading/image-set.js";
import type { Example } from "../types.js";
import { explained } from "./write-errors.js";

const digestBytes = 32;
const filesAtATime = 32;

/** Stands for a content that cannot be read; reading it again to decode it will say why. */
const unreadable = new Uint8Array(digestBytes);

/** Names of the files in which digests are remembered, and of those that are being written. */
export const digestsPattern = /^[0-9a-f]{64}\.digests(\.[0-9a-f]{12}\.tmp)?$/;

/**
 * SHA-256 of the content of each image. The directory keeps them for this list of files with these sizes,
 * times and inodes, so that the images need not be read again.
 */
export async function contentDigests(
  examples: readonly Example[],
  directory: string,
  signal?: AbortSignal,
): Promise<Uint8Array[]> {
  const identity = await identify(examples, signal);
  const path = identity && join(directory, `${identity}.digests`);
  const remembered = path && (await recall(path, examples.length));
  if (remembered) return remembered;

  const digests = new Array<Uint8Array>(examples.length).fill(unreadable);
  await forEachConcurrently(examples, signal, async (example, index) => {
    digests[index] = await example.read().then(contentDigest, () => unreadable);
  });
  if (path && !digests.includes(unreadable)) await remember(path, digests);
  return digests;
}

/** Identifies the list without opening a file; nothing if a file is missing. */
async function identify(examples: readonly Example[], signal?: AbortSignal): Promise<string | undefined> {
  const paths = examples.map(({ file, rawFile }) => rawFile?.toString("latin1") ?? resolve(file));
  const raw = new Map(examples.flatMap(({ rawFile }, i) => (rawFile ? [[paths[i], rawFile] as const] : [])));
  const files = [...new Set(paths)];
  const states = new Map<string, string>();
  await forEachConcurrently(files, signal, async (file) => {
    const state = await stat(raw.get(file) ?? file, { bigint: true }).catch(() => undefined);
    // Whoever keeps size and time of a file as they were, as rsync and tar do, still changes its inode or its
    // time of change.
    if (state?.isFile())
      states.set(file, `${state.size} ${state.mtimeNs} ${state.ctimeNs} ${state.dev} ${state.ino}`);
  });
  if (states.size < files.length) return undefined;
  const hash = createHash("sha256");
  for (const [i, path] of paths.entries()) {
    hash.update(JSON.stringify([path, examples[i]?.name, states.get(path)]));
  }
  return hash.digest("hex");
}

// The file holds the digests one after another, then the digest of all that.
async function recall(path: string, count: number): Promise<Uint8Array[] | undefined> {
  const content = await readFile(path).catch(() => undefined);
  const end = count * digestBytes;
  if (content?.length !== end + digestBytes) return undefined;
  if (!content.subarray(end).equals(digest(content.subarray(0, end)))) return undefined;
  const now = new Date();
  await utimes(path, now, now).catch(() => {}); // only tells how old it is
  return Array.from({ length: count }, (_, i) => content.subarray(i * digestBytes, (i + 1) * digestBytes));
}

async function remember(path: string, digests: readonly Uint8Array[]): Promise<void> {
  const content = Buffer.concat(digests);
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const writing = writeFile(temporary, Buffer.concat([content, digest(content)]));
    await explained(writing, path, content.length);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function forEachConcurrently<T>(
  items: readonly T[],
  signal: AbortSignal | undefined,
  visit: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const remaining = items.entries();
  const work = async () => {
    for (const [index, item] of remaining) {
      signal?.throwIfAborted();
      await visit(item, index);
    }
  };
  await Promise.all(Array.from({ length: filesAtATime }, work));
}
