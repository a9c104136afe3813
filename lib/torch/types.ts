/** Element types, named as in PyTorch. */
export type DType =
  | "float32"
  | "float64"
  | "float16"
  | "bfloat16"
  | "uint8"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "bool"
  | "complex64"
  | "complex128";

/**
 * Device of a tensor: `"cpu"`, `"cuda"` (the current GPU), `"cuda:1"`, or `"meta"` (shapes without memory).
 */
export type Device = "cpu" | "cuda" | "meta" | `cuda:${number}`;

/** How elements lie in memory: all of them, or those that are not zero. */
export type Layout = "strided" | "sparse" | "sparse_csr";

/** The order of dimensions in memory; `preserve` keeps the order of the input. */
export type MemoryFormat = "contiguous" | "preserve" | "channels_last" | "channels_last_3d";

/** A Python-style number: integral `number`s and `bigint`s are integers, other `number`s are floats. */
export type Scalar = number | bigint | boolean;

/** An element of a complex tensor. */
export interface Complex {
  readonly re: number;
  readonly im: number;
}

/**
 * Typed array of a tensor's elements in JavaScript memory. `bfloat16` and `float16` are carried as their 16
 * bits.
 */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Uint16Array
  | Uint8Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array;

/** One value, or arrays of arrays that all have the same lengths. */
export type NestedNumbers = Scalar | readonly NestedNumbers[];
