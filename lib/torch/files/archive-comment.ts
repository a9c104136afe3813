import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { checkRegularFile } from "../../files/index.js";
import { readBytes } from "./read-bytes.js";

// The end of a zip file, APPNOTE.TXT 4.3.16: a signature, 16 bytes of sizes and places, the length of the
// comment, the comment.
const endRecord = "PK\x05\x06";
const commentLengthAt = 20;
const endRecordBytes = 22;
const maxCommentBytes = 1000;

/** The comment of an archive that `save` wrote; empty where there is none. */
export function comment(path: string): string {
  const size = checkRegularFile(path);
  const start = Math.max(0, size - maxCommentBytes - endRecordBytes);
  const tail = readBytes(path, start, size - start);
  const at = tail.lastIndexOf(endRecord);
  if (at < 0 || at + endRecordBytes > tail.length) return "";
  const text = tail.subarray(at + endRecordBytes);
  return tail.readUInt16LE(at + commentLengthAt) === text.length ? text.toString("utf8") : "";
}

/** @throws if it is too long   @param path an archive without a comment */
export function writeComment(path: string, comment: string): void {
  const text = Buffer.from(comment, "utf8");
  if (text.length > maxCommentBytes) {
    throw new RangeError(
      `archive.save: expected a comment of at most ${maxCommentBytes} bytes, got ${text.length}. Shorten it.`,
    );
  }
  const size = checkRegularFile(path);
  const file = openSync(path, "r+");
  try {
    const length = Buffer.alloc(2);
    length.writeUInt16LE(text.length);
    writeSync(file, length, 0, length.length, size - endRecordBytes + commentLengthAt);
    writeSync(file, text, 0, text.length, size);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
