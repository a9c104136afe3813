import { closeSync, openSync, readSync } from "node:fs";
import { checkRegularFile, firstBytes, recognise } from "../../files/index.js";
import { numelOf } from "../shape.js";
import type { DType } from "../types.js";
import { foreignTypes } from "./foreign-types.js";
import { isSize } from "./is-size.js";

// Format: https://github.com/huggingface/safetensors#format — 8 bytes little-endian header length, a JSON
// header, then the data.

/** A tensor in a header; its bytes are counted from the beginning of the data. */
export interface Entry {
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
export const readDtypes: typeof dtypes = { ...dtypes, C64: ["complex64", 8] };

/** Dtypes of the format that tensors here do not have, by PyTorch's names. */
export const foreignCodes: Readonly<Record<string, string>> = {
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

export const metadataKey = "__metadata__";
const maxHeaderBytes = 100_000_000; // the limit of the reference implementation

/**
 * The bytes before the data: the length of the header, and the header, padded so that the data are aligned.
 * @internal
 */
export function encodeHeader(header: Readonly<Record<string, unknown>>): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, " ")]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded]);
}

/** The format's name of a dtype. @throws if it has none */
export function codeOf(dtype: DType, name: string): readonly [code: string, bytes: number] {
  for (const [code, [candidate, bytes]] of Object.entries(dtypes)) {
    if (candidate === dtype) return [code, bytes];
  }
  throw new TypeError(
    `safetensors: tensor '${name}' is ${dtype}, which the format cannot hold. Convert it first.`,
  );
}

/** Reads a header, and checks it against the size of the file. @throws if any part of it is invalid */
export function readHeader(path: string) {
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
      const found = recognise(firstBytes(path));
      if (found !== undefined)
        throw new Error(`${path}: ${found.what}: expected a safetensors file. ${found.advice}`);
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
  const bytes = (numelOf(shape) * bits) / 8;
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
