import { inflateSync } from "node:zlib";
import { readPart } from "./files.js";
import { MatlabReader } from "./matlab-reader.js";

/**
 * A variable of a MATLAB file: numbers, a text of one row, a cell array, or an array of structures. Arrays of
 * any shape are flat, in column-major order.
 */
export type MatlabValue = Float64Array | string | MatlabValue[] | ReadonlyMap<string, MatlabValue>[];

/**
 * Reads variables of a MATLAB file of version 5 to 7.2. Format: MathWorks, "MAT-File Format", level 5.
 * @throws if it has another version, is damaged, lacks a variable, or keeps one as something else. Objects,
 * functions, sparse or complex arrays and texts of several rows are not read
 */
export async function readMatlab(path: string, ...names: string[]): Promise<MatlabValue[]> {
  const found = readVariables(await readPart(path), names, path);
  return names.map((name) => {
    const value = found.get(name);
    if (value !== undefined) return value;
    throw new Error(`${path}: expected a variable "${name}", got none. Download the file again.`);
  });
}

/** @throws if the value is of another kind */
export function numbers(value: MatlabValue | undefined, what: string): Float64Array {
  return value instanceof Float64Array ? value : unexpected(what, "numbers");
}

/** @throws if the value is of another kind */
export function text(value: MatlabValue | undefined, what: string): string {
  return typeof value === "string" ? value : unexpected(what, "text");
}

/** @throws if the value is of another kind */
export function texts(value: MatlabValue | undefined, what: string): string[] {
  if (!Array.isArray(value)) return unexpected(what, "a cell array of texts");
  return value.map((item) => text(item as MatlabValue, what));
}

/** @throws if the value is of another kind */
export function structures(value: MatlabValue | undefined, what: string): ReadonlyMap<string, MatlabValue>[] {
  const isStructures = Array.isArray(value) && value.every((item) => item instanceof Map);
  return isStructures ? (value as ReadonlyMap<string, MatlabValue>[]) : unexpected(what, "structures");
}

// For all variables of a file together; those of the supported datasets inflate to about 4 MB.
const maxInflatedBytes = 32 * 1024 * 1024;

function readVariables(bytes: Uint8Array, names: readonly string[], path: string): Map<string, MatlabValue> {
  const littleEndian = checkHeader(bytes, path);
  const found = new Map<string, MatlabValue>();
  let inflatedBytes = 0;
  const collect = (reader: MatlabReader) => {
    while (!reader.isAtEnd) {
      const { type, data } = reader.element();
      if (type === compressed) {
        const inflated = inflate(data, maxInflatedBytes - inflatedBytes, path);
        inflatedBytes += inflated.length;
        collect(reader.over(inflated));
      } else if (type === matrix) reader.over(data).variable(names, found);
    }
  };
  collect(new MatlabReader(bytes.subarray(headerBytes), littleEndian, path));
  return found;
}

const headerBytes = 128;
const matrix = 14;
const compressed = 15;

/** Whether the numbers are little-endian. */
function checkHeader(bytes: Uint8Array, path: string): boolean {
  const start = Buffer.from(bytes.subarray(0, headerBytes)).toString("latin1");
  if (start.endsWith("\x00\x02IM")) {
    throw new Error(
      `${path}: expected a MATLAB file of version 5 to 7.2, got version 7.3 (HDF5). Save it with save(..., "-v7") in MATLAB.`,
    );
  }
  const littleEndian = start.endsWith("\x00\x01IM");
  if (!littleEndian && !start.endsWith("\x01\x00MI")) {
    throw new Error(
      `${path}: expected a MATLAB file of version 5 to 7.2, got a file of another kind. Download it again.`,
    );
  }
  return littleEndian;
}

function inflate(data: Uint8Array, maxBytes: number, path: string): Uint8Array {
  try {
    return inflateSync(data, { maxOutputLength: Math.max(maxBytes, 1) });
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new Error(`${path}: expected compressed variables, got an error: ${reason}. Download it again.`, {
      cause,
    });
  }
}

function unexpected(what: string, expected: string): never {
  throw new Error(`${what}: expected ${expected}, got a value of another kind. Download the file again.`);
}
