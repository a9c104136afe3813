import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { explainFullDisk, type LockOptions, withLock } from "../files/index.js";
import { type Expected, verifyFile } from "./checksum.js";
import { IntegrityError, TransientError } from "./errors.js";
import { PartialFile } from "./partial-file.js";
import { type RequestOptions, requestRest } from "./request.js";
import { type RetryOptions, withRetries } from "./retry.js";

export interface DownloadOptions extends Expected, RequestOptions, RetryOptions, LockOptions {
  /** @param total bytes, where they are known */
  readonly onProgress?: (done: number, total: number | undefined) => void;
  /** The limit where neither the server nor `size` tells how large the file is. Default: 1 TiB. */
  readonly maxBytes?: number;
}

/**
 * Downloads a file. Until it is complete and fits all that is expected of it, it is called `<path>.part`, and
 * the next call goes on with that. A file that is there and fits is left as it is. Processes that want the
 * same file wait for the first.
 * @param url http or https
 * @throws if the server refuses, the content differs from what is expected, or the disk is full; the signal's
 *   reason if aborted
 */
export async function download(url: string, path: string, options: DownloadOptions = {}): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await withLock(
    path,
    async () => {
      if (!(await fits(path, options))) await downloadAlone(url, path, options);
    },
    options,
  );
}

async function fits(path: string, options: DownloadOptions): Promise<boolean> {
  if ((await stat(path).catch(() => undefined)) === undefined) return false;
  try {
    await verifyFile(path, options, options);
    return true;
  } catch (error) {
    if (error instanceof IntegrityError) return false;
    throw error;
  }
}

async function downloadAlone(url: string, path: string, options: DownloadOptions): Promise<void> {
  const part = await PartialFile.open(path, url);
  try {
    try {
      await withRetries(
        () => receive(part, url, options),
        options,
        () => part.length,
      );
    } finally {
      await part.close();
    }
    await verifyFile(part.path, options, { source: url, signal: options.signal });
  } catch (error) {
    if (error instanceof IntegrityError) await part.remove();
    throw explainFullDisk(error, part.path, {
      advice: "Free some and run it again: it goes on where it was.",
    });
  }
  await part.finish();
}

/** One attempt to get what is missing. */
async function receive(part: PartialFile, url: string, options: DownloadOptions): Promise<void> {
  if (part.isComplete) return;
  const { headers, signal, stallTimeoutMs, onProgress, maxBytes = 2 ** 40 } = options;
  const { offset, size, validator, chunks } = await requestRest(url, {
    offset: part.length,
    validator: part.origin?.validator,
    headers,
    signal,
    stallTimeoutMs,
  });
  if (offset === 0) await part.restart({ url, size, validator });
  const total = options.size ?? size;
  const most = Math.min(total ?? maxBytes, maxBytes);
  onProgress?.(part.length, total);
  for await (const chunk of chunks) {
    if ((size ?? total) !== total || part.length + chunk.length > most) {
      throw new IntegrityError(
        `${url}: expected ${total ?? `at most ${most}`} bytes, but the server sends ${size ?? "more"}. Check that the address is right.`,
      );
    }
    await part.append(chunk);
    onProgress?.(part.length, total);
  }
  if (size !== undefined && part.length < size) {
    throw new TransientError(
      `${url}: expected ${size} bytes, but the connection ended after ${part.length}. Try again.`,
    );
  }
}
