import type { DType, TypedArray } from "./types.js";

type ArrayType = new (from: number | ArrayBufferLike) => TypedArray;

const arrayTypes: Partial<Record<DType, ArrayType>> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
};

/** The typed array that holds a tensor's elements. @throws if there is none for the dtype */
export function arrayType(dtype: DType): ArrayType {
  const type = arrayTypes[dtype];
  if (type === undefined)
    throw new TypeError(
      `There is no typed array for ${dtype}. Convert the tensor first, such as with viewAsReal().`,
    );
  return type;
}

const dtypes: Readonly<Record<string, DType>> = {
  Float32Array: "float32",
  Float64Array: "float64",
  Uint8Array: "uint8",
  Uint8ClampedArray: "uint8",
  Int8Array: "int8",
  Int16Array: "int16",
  Int32Array: "int32",
  BigInt64Array: "int64",
};

/**
 * The kind of a typed array, such as `Float32Array`. `instanceof` does not know those of another realm: test
 * runners have realms of their own.
 * @returns undefined for anything else than a typed array
 */
export function kindOf(array: unknown): string | undefined {
  return ArrayBuffer.isView(array) ? (array as TypedArray)[Symbol.toStringTag] : undefined;
}

/** The dtype whose elements a typed array holds. @throws if there is none */
export function dtypeOf(array: unknown): DType {
  const dtype = dtypes[kindOf(array) ?? ""];
  if (dtype !== undefined) return dtype;
  const got = kindOf(array) ?? (array as object | null | undefined)?.constructor?.name ?? String(array);
  throw new TypeError(
    `fromTypedArray: expected one of ${Object.keys(dtypes).join(", ")}, got ${got}. Copy the elements into one of them.`,
  );
}
