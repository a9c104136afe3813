import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { checkRegularFile, explainFullDisk } from "../../files/index.js";
import { checkOptions, type OptionKeys } from "../../options/index.js";
import { contiguous, fromFile, narrow, toCopy } from "../operators.generated.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import type { DType } from "../types.js";
import type { BackgroundFiles } from "./background-file.js";
import { foreignTypes } from "./foreign-types.js";
import { writeChunks } from "./write-chunks.js";

// Format: https://github.com/huggingface/safetensors#format — 8 bytes little-endian header length, a JSON
// header, then the data.

export interface SafetensorsFile {
  readonly tensors: Map<string, Tensor>;
  readonly metadata: Record<string, string>;
}

interface Entry {
  readonly name: string;
  /** The format's name of the dtype. */
  readonly code: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

const dtypes: Readonly<Record<string, readonly [DType, bytes: number]>> = {
  F64: ["float64", 8],
  F32: ["float32", 4],
  F16: ["float16", 2],
  BF16: ["bfloat16", 2],
  I64: ["int64", 8],
  I32: ["int32", 4],
  I16: ["int16", 2],
  I8: ["int8", 1],
  U8: ["uint8", 1],
  BOOL: ["bool", 1],
};

/** Dtypes of the format that are read and not written: those that other readers may not know. */
const readDtypes: typeof dtypes = { ...dtypes, C64: ["complex64", 8] };

/** Dtypes of the format that tensors here do not have, by PyTorch's names. */
const foreignCodes: Readonly<Record<string, string>> = {
  U16: "uint16",
  U32: "uint32",
  U64: "uint64",
  F8_E4M3: "float8_e4m3fn",
  F8_E4M3FNUZ: "float8_e4m3fnuz",
  F8_E5M2: "float8_e5m2",
  F8_E5M2FNUZ: "float8_e5m2fnuz",
  F8_E8M0: "float8_e8m0fnu",
};

/** Dtypes of the format that are not read, in bits: the sizes are checked all the same. */
const unreadBits: Readonly<Record<string, number>> = { F4: 4, F6_E2M3: 6, F6_E3M2: 6 };

const metadataKey = "__metadata__";
/** Key of the checksum of the whole file, with zeros in the place of these digits. */
const checksumKey = "codyra_sha256";
const noChecksum = "0".repeat(64);
const maxHeaderBytes = 100_000_000; // the limit of the reference implementation

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
 * @throws if the file is missing or any part of its header is invalid, naming the file and the tensor, or a
 * dtype of less than 8 bits; or if the file has a checksum, which is verified, and was changed since
 */
export function load(path: string, options: LoadOptions = {}): SafetensorsFile {
  checkOptions(options, loadOptionKeys, "safetensors.load");
  const { entries, metadata, dataStart, fileBytes } = readHeader(path);
  if (metadata[checksumKey] !== undefined) verify(path, metadata[checksumKey]);
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
 * @throws if a name is given twice, a dtype has no name in the format, or the file cannot be written; then
 * nothing is left behind, and a full disk is told with the size needed
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
  const all = checksum === true ? { ...metadata, [checksumKey]: noChecksum } : metadata;
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
  if (found === expected) return;
  throw new Error(
    `${path}: was changed or damaged after it was written: expected the SHA-256 ${expected}, got ${found}. ` +
      "Copy it again from where it came; in a run, remove it and run `codyra run` again, which redoes that task.",
  );
}

/**
 * What goes before the data: the length of the header, and the header, padded so that the data are aligned.
 * @internal
 */
export function encodeHeader(header: Readonly<Record<string, unknown>>): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, " ")]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded]);
}

function toCopyOnCpu(tensor: Tensor): Tensor {
  return tensor.device === "cpu" ? tensor : toCopy(tensor, { device: "cpu" });
}

function codeOf(dtype: DType, name: string): readonly [code: string, bytes: number] {
  for (const [code, [candidate, bytes]] of Object.entries(dtypes)) {
    if (candidate === dtype) return [code, bytes];
  }
  throw new TypeError(
    `safetensors: tensor '${name}' is ${dtype}, which the format cannot hold. Convert it first.`,
  );
}

function readHeader(path: string) {
  const fileBytes = checkRegularFile(path);
  const fail = (what: string): never => {
    throw new Error(`${path}: not a valid safetensors file: ${what}. Download or export it again.`);
  };
  if (fileBytes < 8) fail(`expected at least 8 bytes, got ${fileBytes}`);
  const file = openSync(path, "r");
  let header: Buffer;
  let dataStart: number;
  try {
    const length = Buffer.alloc(8);
    readSync(file, length, 0, 8, 0);
    const headerBytes = Number(length.readBigUInt64LE());
    if (headerBytes > maxHeaderBytes || headerBytes > fileBytes - 8) {
      fail(`its header claims ${headerBytes} bytes, the file has ${fileBytes}`);
    }
    header = Buffer.alloc(headerBytes);
    if (readSync(file, header, 0, headerBytes, 8) !== headerBytes) fail("its header is cut off");
    dataStart = 8 + headerBytes;
  } finally {
    closeSync(file);
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(header));
  } catch (error) {
    return fail(`its header is not JSON (${(error as Error).message})`);
  }
  if (!isObject(json)) return fail("its header is not a JSON object");
  const { [metadataKey]: metadata = {}, ...rest } = json;
  if (!isObject(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    return fail("its __metadata__ is not an object of strings");
  }
  const entries = Object.entries(rest).map(([name, value]) => parseEntry(name, value, fail));
  checkLayout(entries, fileBytes - dataStart, fail);
  return { entries, metadata: metadata as Record<string, string>, dataStart, fileBytes };
}

function parseEntry(name: string, value: unknown, fail: (what: string) => never): Entry {
  if (!isObject(value)) return fail(`the entry of tensor '${name}' is not an object`);
  const { dtype: code, shape, data_offsets: offsets } = value;
  const bits = typeof code === "string" ? bitsOf(code) : undefined;
  if (typeof code !== "string" || bits === undefined) {
    const known = [readDtypes, foreignCodes, unreadBits].flatMap((table) => Object.keys(table));
    return fail(
      `tensor '${name}' has the dtype ${JSON.stringify(code)}, expected one of ${known.join(", ")}`,
    );
  }
  if (!Array.isArray(shape) || !shape.every(isSize))
    return fail(`tensor '${name}' has the shape ${JSON.stringify(shape)}`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    return fail(`tensor '${name}' has the offsets ${JSON.stringify(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product, size) => product * size, bits) / 8;
  if (end - begin !== bytes) {
    return fail(
      `tensor '${name}' of ${code} [${shape}] needs ${bytes} bytes, its offsets [${offsets}] give ${end - begin}`,
    );
  }
  return { name, code, shape, begin, end };
}

function bitsOf(code: string): number | undefined {
  if (Object.hasOwn(readDtypes, code)) return 8 * readDtypes[code]![1];
  if (Object.hasOwn(foreignCodes, code)) return 8 * foreignTypes[foreignCodes[code]!]!.itemBytes;
  return Object.hasOwn(unreadBits, code) ? unreadBits[code] : undefined;
}

// The format demands that the data is covered exactly: no overlap, no hole, nothing after the last tensor.
function checkLayout(entries: readonly Entry[], dataBytes: number, fail: (what: string) => never): void {
  let at = 0;
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) fail(`the data of tensor '${name}' begins at byte ${begin}, expected ${at}`);
    at = end;
  }
  if (at !== dataBytes) fail(`its tensors cover ${at} bytes of data, the file holds ${dataBytes}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
