import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { IntegrityError } from "./errors.js";

/** Facts about a file before it is here; each digest in hexadecimal. */
export interface Expected {
  /** Bytes. */
  readonly size?: number;
  readonly sha256?: string;
  readonly md5?: string;
  /** SHA-1 of the file as a git blob, by which git and the Hugging Face hub name small files. */
  readonly gitSha1?: string;
}

/**
 * Compares a file with all that is known about it.
 * @param source named in the error, beside the file
 * @throws IntegrityError saying what differs; the file system's error if the file cannot be read
 */
export async function verifyFile(
  path: string,
  expected: Expected,
  { source = path, signal }: { source?: string; signal?: AbortSignal } = {},
): Promise<void> {
  const { size } = await stat(path);
  if (expected.size !== undefined && size !== expected.size) {
    throw new IntegrityError(
      `${source}: expected ${expected.size} bytes, got ${size}. Try again, or check that the address is right.`,
    );
  }
  const hashes = hashesOf(expected, size);
  if (hashes.length === 0) return;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) {
    for (const { hash } of hashes) hash.update(chunk as Buffer);
  }
  for (const { name, hash, digest } of hashes) {
    const found = hash.digest("hex");
    if (found !== digest.toLowerCase()) {
      throw new IntegrityError(
        `${source}: expected ${name} ${digest}, got ${found}. The file was damaged on its way, or is another one: try again, or check the address.`,
      );
    }
  }
}

function hashesOf({ sha256, md5, gitSha1 }: Expected, size: number) {
  const hashes: { name: string; hash: Hash; digest: string }[] = [];
  if (sha256 !== undefined) hashes.push({ name: "SHA-256", hash: createHash("sha256"), digest: sha256 });
  if (md5 !== undefined) hashes.push({ name: "MD5", hash: createHash("md5"), digest: md5 });
  if (gitSha1 !== undefined) {
    const hash = createHash("sha1").update(`blob ${size}\0`);
    hashes.push({ name: "git blob SHA-1", hash, digest: gitSha1 });
  }
  return hashes;
}
