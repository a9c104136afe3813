import { fromTypedArray } from "../creation.js";
import { numelOf } from "../shape.js";
import type { Tensor } from "../tensor.js";
import type { DType } from "../types.js";
import type { PickleGlobal } from "./pickle.js";

/** A type of NumPy's, by its short name such as `f8`. */
export class NumpyType {
  isBigEndian = false;

  constructor(readonly name: string) {}
}

/** An array as NumPy pickles it. */
export class NumpyArray {
  shape: readonly number[] = [];
  /** NumPy's short name, such as `u1` for unsigned bytes. */
  dtype = "";
  data: Uint8Array = new Uint8Array();
  isBigEndian = false;
  /** Whether the first index runs fastest. */
  isFortran = false;

  /** @returns a copy; `undefined` where codyra has no such dtype, or the data are not what the shape says */
  toTensor(): Tensor | undefined {
    const known = tensorTypes[this.dtype];
    const count = numelOf(this.shape);
    if (known === undefined || this.data.length !== count * known.bytes) return undefined;
    const bytes = Uint8Array.from(this.data);
    if (this.isBigEndian) swapBytes(bytes, known.bytes);
    const shape = this.isFortran ? this.shape.toReversed() : this.shape;
    const flat = fromTypedArray(bytes, [bytes.length]).view(known.dtype).view(shape);
    return this.isFortran ? flat.permute(shape.map((_, dim) => shape.length - 1 - dim)).contiguous() : flat;
  }
}

const tensorTypes: Readonly<Record<string, { readonly dtype: DType; readonly bytes: number }>> = {
  f8: { dtype: "float64", bytes: 8 },
  f4: { dtype: "float32", bytes: 4 },
  f2: { dtype: "float16", bytes: 2 },
  i8: { dtype: "int64", bytes: 8 },
  i4: { dtype: "int32", bytes: 4 },
  i2: { dtype: "int16", bytes: 2 },
  i1: { dtype: "int8", bytes: 1 },
  u1: { dtype: "uint8", bytes: 1 },
  b1: { dtype: "bool", bytes: 1 },
  c8: { dtype: "complex64", bytes: 8 },
  c16: { dtype: "complex128", bytes: 16 },
};

/** Globals of pickles of NumPy's arrays and numbers, for `unpickle`. NumPy 2 calls its module `_core`. */
export function numpyGlobals(module: string, name: string): PickleGlobal | undefined {
  if (module === "numpy") return name === "ndarray" ? {} : name === "dtype" ? dtype : undefined;
  if (/^numpy\._?core\.multiarray$/.test(module)) {
    return name === "_reconstruct" ? reconstruct : name === "scalar" ? scalar : undefined;
  }
  return /^numpy\._?core\.numeric$/.test(module) && name === "_frombuffer" ? fromBuffer : undefined;
}

const dtype: PickleGlobal = {
  call: (text) => new NumpyType(asText(text)),
  setState: (type, state) => {
    if (type instanceof NumpyType && Array.isArray(state)) type.isBigEndian = asText(state[1]) === ">";
  },
};

const scalar: PickleGlobal = {
  call: (type, bytes) => {
    const isGood = type instanceof NumpyType && (typeof bytes === "string" || bytes instanceof Uint8Array);
    return isGood ? scalarValue(type, asBytes(bytes)) : undefined;
  },
};

const reconstruct: PickleGlobal = {
  call: () => new NumpyArray(),
  setState: (array, state) => {
    const [, shape, type, isFortran, data] = Array.isArray(state) ? state : [];
    if (array instanceof NumpyArray) fill(array, shape, type, isFortran === true, data);
  },
};

const fromBuffer: PickleGlobal = {
  call: (data, type, shape, order) => {
    const array = new NumpyArray();
    fill(array, shape, type, asText(order) === "F", data);
    return array;
  },
};

function fill(array: NumpyArray, shape: unknown, type: unknown, isFortran: boolean, data: unknown): void {
  const isGood = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (!isGood || !(type instanceof NumpyType)) return;
  if (!(data instanceof Uint8Array) && typeof data !== "string") return; // objects, which are no numbers
  const { name: dtype, isBigEndian } = type;
  Object.assign(array, { shape, dtype, data: asBytes(data), isBigEndian, isFortran });
}

/** A number, a truth value or a text; bytes of any other type. */
function scalarValue({ name, isBigEndian }: NumpyType, data: Uint8Array): unknown {
  const bytes = Uint8Array.from(data);
  if (name.startsWith("U")) return utf32(bytes, isBigEndian);
  const width = Number(name.slice(1));
  if (bytes.length !== width) return bytes;
  const view = new DataView(bytes.buffer);
  const read = scalarReaders[name];
  return read === undefined ? bytes : read(view, !isBigEndian);
}

const scalarReaders: Readonly<Record<string, (view: DataView, isLittle: boolean) => unknown>> = {
  f8: (view, isLittle) => view.getFloat64(0, isLittle),
  f4: (view, isLittle) => view.getFloat32(0, isLittle),
  f2: (view, isLittle) => halfToNumber(view.getUint16(0, isLittle)),
  i8: (view, isLittle) => narrow(view.getBigInt64(0, isLittle)),
  u8: (view, isLittle) => narrow(view.getBigUint64(0, isLittle)),
  i4: (view, isLittle) => view.getInt32(0, isLittle),
  u4: (view, isLittle) => view.getUint32(0, isLittle),
  i2: (view, isLittle) => view.getInt16(0, isLittle),
  u2: (view, isLittle) => view.getUint16(0, isLittle),
  i1: (view) => view.getInt8(0),
  u1: (view) => view.getUint8(0),
  b1: (view) => view.getUint8(0) !== 0,
};

/** IEEE 754 half precision: 1 sign, 5 exponent, 10 fraction bits. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function narrow(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function utf32(bytes: Uint8Array, isBigEndian: boolean): string {
  const view = new DataView(bytes.buffer);
  const codes = Array.from({ length: bytes.length >> 2 }, (_, i) => view.getUint32(4 * i, !isBigEndian));
  return codes.every((code) => code <= 0x10ffff) ? String.fromCodePoint(...codes).replace(/\0+$/, "") : "";
}

function swapBytes(bytes: Uint8Array, width: number): void {
  for (let i = 0; i < bytes.length; i += width) bytes.subarray(i, i + width).reverse();
}

function asBytes(value: Uint8Array | string): Uint8Array {
  return typeof value === "string" ? Uint8Array.from(Buffer.from(value, "latin1")) : value;
}

/** Python 2 pickles its texts as bytes. */
function asText(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : String(value);
}
