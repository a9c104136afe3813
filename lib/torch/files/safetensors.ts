import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { explainFullDisk } from "../../files/index.js";
import { checkOptions, type OptionKeys } from "../../options/index.js";
import { contiguous, fromFile, narrow, toCopy } from "../operators.generated.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import type { DType } from "../types.js";
import type { BackgroundFiles } from "./background-file.js";
import { foreignTypes } from "./foreign-types.js";
import {
  codeOf,
  encodeHeader,
  foreignCodes,
  metadataKey,
  readDtypes,
  readHeader,
} from "./safetensors-header.js";
import { writeChunks } from "./write-chunks.js";

/** @internal */
export { encodeHeader } from "./safetensors-header.js";

/** The contents of a safetensors file: tensors by name, and texts by key. */
export interface SafetensorsFile {
  readonly tensors: Map<string, Tensor>;
  readonly metadata: Record<string, string>;
}

/** Key of the checksum of the whole file, with zeros in the place of these digits. */
const checksumKey = "codyra_sha256";
/** Key that says that a checksum stands beside it, so that damage of that key itself is noticed. */
const markKey = "codyra_checksum";
const noChecksum = "0".repeat(64);
/** How to read a safetensors file. */
export interface LoadOptions {
  /**
   * Called with the name of every tensor that is left out because its dtype is not read, and why. Default: an
   * error.
   */
  readonly onSkip?: (name: string, reason: string) => void;
}

const loadOptionKeys: OptionKeys<LoadOptions> = { onSkip: true };

/**
 * Reads a safetensors file. The tensors are views of the memory-mapped file: only what is used is read from
 * disk, and writing to them does not change the file. Unsigned integers of more than 8 bits come as wider
 * signed ones, 8-bit floats as float32.
 * @throws if the file is missing, or any part of its header is invalid, naming the file and the tensor
 * @throws if a dtype has less than 8 bits, or the file was changed since its checksum was written
 */
export function load(path: string, options: LoadOptions = {}): SafetensorsFile {
  checkOptions(options, loadOptionKeys, "safetensors.load");
  const { entries, metadata, dataStart, fileBytes } = readHeader(path);
  if (metadata[checksumKey] !== undefined) verify(path, metadata[checksumKey]);
  else if (metadata[markKey] !== undefined) refuse(path, `a SHA-256 beside '${markKey}'`, "none");
  return scope(() => {
    const tensors = new Map<string, Tensor>();
    if (entries.length === 0) return { tensors, metadata };
    const bytes = fromFile(path, false, fileBytes, { dtype: "uint8" });
    for (const { name, code, shape, begin, end } of entries) {
      const foreign = foreignTypes[foreignCodes[code] ?? ""];
      const [dtype, itemBytes] = readDtypes[code] ?? [foreign?.raw, foreign?.itemBytes];
      const raw = narrow(bytes, 0, dataStart + begin, end - begin);
      // Old writers did not align the data; a typed view needs it aligned.
      const view = (dtype: DType, itemBytes: number): Tensor =>
        ((dataStart + begin) % itemBytes === 0 ? raw : raw.clone()).view(dtype).view(shape);
      const typed = dtype && itemBytes ? view(dtype, itemBytes) : undefined;
      const tensor = foreign && typed ? foreign.convert(typed) : typed;
      if (tensor !== undefined) tensors.set(name, tensor);
      else skip(path, name, code, options.onSkip);
    }
    return { tensors, metadata };
  });
}

function skip(path: string, name: string, code: string, onSkip: LoadOptions["onSkip"]): void {
  const what = code === "U64" ? "U64 with numbers of 2^63 or more" : code;
  const reason = `has the dtype ${what}, which is valid and not read here`;
  if (onSkip === undefined) {
    throw new Error(`${path}: tensor '${name}' ${reason}. Convert it to F32 or I64 with another program.`);
  }
  onSkip(name, reason);
}

/** How to write a safetensors file. */
export interface SaveOptions {
  /**
   * Write the SHA-256 of the file into its metadata, which `load` then verifies: it reads the whole file.
   * Default: false.
   */
  readonly checksum?: boolean;
}

const saveOptionKeys: OptionKeys<SaveOptions> = { checksum: true };

/**
 * Writes tensors of any device to a safetensors file, under a temporary name that becomes `path` when
 * everything is on disk.
 * @throws if a name is given twice, a dtype has no name in the format, or the file cannot be written. Nothing
 * is left behind then, and a full disk is told with the size needed
 */
export function save(
  path: string,
  tensors: Iterable<readonly [string, Tensor]>,
  metadata: Record<string, string> = {},
  options: SaveOptions = {},
): void {
  checkOptions(options, saveOptionKeys, "safetensors.save");
  const list = Array.from(tensors);
  const { head, dataBytes } = layOut(list, metadata, options);
  function* chunks(): Generator<Uint8Array> {
    yield head;
    for (const [, tensor] of list) yield bytesOf(tensor);
  }
  try {
    writeChunks(path, chunks(), options.checksum === true ? checksumAt(head) : undefined);
  } catch (error) {
    throw explainFullDisk(error, path, { neededBytes: head.length + dataBytes });
  }
}

/** The header, and the bytes of the data that follows it. */
function layOut(
  list: readonly (readonly [string, Tensor])[],
  metadata: Record<string, string>,
  { checksum }: SaveOptions,
): { head: Buffer; dataBytes: number } {
  // Metadata that was loaded may bring the checksum of another file.
  const { [checksumKey]: _sum, [markKey]: _mark, ...given } = metadata;
  const all = checksum === true ? { ...given, [markKey]: "sha256", [checksumKey]: noChecksum } : given;
  const header = new Map<string, unknown>();
  if (Object.keys(all).length > 0) header.set(metadataKey, all);
  let offset = 0;
  for (const [name, tensor] of list) {
    if (header.has(name) || name === metadataKey) {
      throw new RangeError(
        `safetensors: expected tensors of different names, got '${name}' twice or reserved. Rename it.`,
      );
    }
    const [code, itemBytes] = codeOf(tensor.dtype, name);
    const end = offset + tensor.numel() * itemBytes;
    header.set(name, { dtype: code, shape: tensor.shape, data_offsets: [offset, end] });
    offset = end;
  }
  return { head: encodeHeader(Object.fromEntries(header)), dataBytes: offset };
}

/** The elements of a tensor of any device. */
function bytesOf(tensor: Tensor): Uint8Array {
  const array = scope(() => contiguous(toCopyOnCpu(tensor.detach())).sharedArray());
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/**
 * Has a thread write the same file with a checksum. The tensors are copied as they are now.
 * @returns when it is on the disk   @throws as `save` does
 */
export function saveInBackground(
  files: BackgroundFiles,
  path: string,
  tensors: Iterable<readonly [string, Tensor]>,
  metadata: Record<string, string> = {},
): Promise<void> {
  const list = Array.from(tensors);
  const { head } = layOut(list, metadata, { checksum: true });
  const copies = list.map(([, tensor]) => new Uint8Array(bytesOf(tensor)));
  return files.write(path, { chunks: [new Uint8Array(head), ...copies], checksumAt: checksumAt(head) });
}

/** Offset of the checksum's digits in a header. */
function checksumAt(head: Buffer, checksum: string = noChecksum): number {
  const key = `"${checksumKey}":"`;
  return head.lastIndexOf(`${key}${checksum}"`) + key.length;
}

/** @throws if the file is not what was written */
function verify(path: string, expected: string): void {
  const hash = createHash("sha256");
  const file = openSync(path, "r");
  try {
    const chunk = Buffer.alloc(1 << 22);
    const start = Buffer.alloc(8);
    readSync(file, start, 0, 8, 0);
    const head = Buffer.alloc(8 + Number(start.readBigUInt64LE()));
    readSync(file, head, 0, head.length, 0);
    head.write(noChecksum, checksumAt(head, expected), "latin1");
    hash.update(head);
    for (let at = head.length; ; ) {
      const bytes = readSync(file, chunk, 0, chunk.length, at);
      if (bytes === 0) break;
      hash.update(chunk.subarray(0, bytes));
      at += bytes;
    }
  } finally {
    closeSync(file);
  }
  const found = hash.digest("hex");
  if (found !== expected) refuse(path, `the SHA-256 ${expected}`, found);
}

function refuse(path: string, expected: string, found: string): never {
  throw new Error(
    `${path}: was changed or damaged after it was written: expected ${expected}, got ${found}. ` +
      "Copy it again from where it came; in a run, remove it and run `codyra run` again, which redoes that task.",
  );
}

function toCopyOnCpu(tensor: Tensor): Tensor {
  return tensor.device === "cpu" ? tensor : toCopy(tensor, { device: "cpu" });
}
