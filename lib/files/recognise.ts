import { closeSync, openSync, readSync } from "node:fs";

// Under a file's name often lies something else: a page that says "not found", or a pointer to a file that
// Git has elsewhere. Its first bytes tell.

const mostBytes = 512;

const kinds: readonly (readonly [pattern: RegExp, what: string, advice: string])[] = [
  [/^$/, "an empty file", "Download or copy it again."],
  [
    /^version https:\/\/git-lfs/,
    "a pointer of Git LFS, in the place of the file itself",
    "Run `git lfs pull` in its folder, or download the file.",
  ],
  [
    /^\s*<(?:!doctype html|html|head|body)/i,
    "a web page, perhaps of an error",
    "Download the file itself, logged in if it takes that.",
  ],
  [
    /^\s*<(?:\?xml|error)/i,
    "XML, perhaps of an error",
    "Download the file itself, logged in if it takes that.",
  ],
  [/^\x89HDF\r\n/, "HDF5, as TensorFlow and Keras write it", "Take the weights for PyTorch."],
  [/^GGUF/, "GGUF, as llama.cpp reads it", "Take the weights for PyTorch."],
  [/^\xfd7zXZ|^BZh|^.\x8b/s, "a compressed file", "Unpack it."], // xz, bzip2, gzip
  [/^.{257}ustar/s, "a tar archive", "Unpack it."],
  [/^PK/, "a zip archive", "Unpack it."],
];

/** The content that is there instead of what the name of a file says. */
export interface Recognised {
  /** With its article, such as `an empty file`. */
  readonly what: string;
  /** The way to the right file, as a sentence. */
  readonly advice: string;
}

/**
 * Recognises what people have in the place of a model's files.
 * @param start the first bytes of the file, or all of it
 * @returns `undefined` where its first bytes do not tell
 */
export function recognise(start: Uint8Array): Recognised | undefined {
  const text = Buffer.from(start.subarray(0, mostBytes)).toString("latin1");
  const found = kinds.find(([pattern]) => pattern.test(text));
  return found && { what: found[1], advice: found[2] };
}

/** The first bytes of a file, as many as there are. */
export function firstBytes(path: string, count = mostBytes): Buffer {
  const start = Buffer.alloc(count);
  const file = openSync(path, "r");
  try {
    return start.subarray(0, readSync(file, start, 0, count, 0));
  } finally {
    closeSync(file);
  }
}
