import { closeSync, openSync, readSync } from "node:fs";

/** A stretch of a file; shorter where the file ends. */
export function readBytes(path: string, offset: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  const file = openSync(path, "r");
  try {
    return buffer.subarray(0, readSync(file, buffer, 0, bytes, offset));
  } finally {
    closeSync(file);
  }
}
