import { gunzipSync } from "node:zlib";
import { numelOf } from "../../torch/index.js";
import { exists, readPart } from "./files.js";

/** A multi-dimensional array of bytes. */
export interface IdxArray {
  readonly path: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/**
 * Reads an IDX file of unsigned bytes, as it is or with `.gz` appended to its name. Format:
 * yann.lecun.com/exdb/mnist.
 * @param dims expected number of dimensions: 3 for images (magic number 2051), 1 for labels (2049)
 * @throws if it is missing, damaged or has other dimensions
 */
export async function readIdx(plain: string, dims: number): Promise<IdxArray> {
  const path = (await exists(plain)) ? plain : `${plain}.gz`;
  const bytes = decompress(await readPart(path), path);
  const headerBytes = 4 + 4 * dims;
  const magic = bytes.length >= headerBytes ? bytes.readUInt32BE() : undefined;
  if (magic !== 0x800 + dims) {
    throw new Error(
      `${path}: expected an IDX file with magic number ${0x800 + dims}, got ${magic ?? "too few bytes"}. Download it again.`,
    );
  }
  const shape = Array.from({ length: dims }, (_, dim) => bytes.readUInt32BE(4 + 4 * dim));
  const length = numelOf(shape);
  const data = bytes.subarray(headerBytes);
  if (data.length === length) return { path, shape, data };
  throw new Error(
    `${path}: expected ${length} bytes for shape [${shape.join(", ")}], got ${data.length}. Download it again.`,
  );
}

// Twice the largest file of MNIST: a damaged one must not fill the memory.
const maxBytes = 100 * 1024 * 1024;

function decompress(bytes: Buffer, path: string): Buffer {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new Error(`${path}: expected a gzip file, got an error: ${reason}. Download it again.`, { cause });
  }
}
