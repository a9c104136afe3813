import { checkOptions, type OptionKeys } from "../options/index.js";
import { bridge } from "./bridge.js";
import { wrap } from "./operator.js";
import * as operators from "./operators.generated.js";
import type { Tensor } from "./tensor.js";
import { dtypeOf, kindOf } from "./typed-arrays.js";
import type { Device, DType, NestedNumbers, Scalar, TypedArray } from "./types.js";
import { upload } from "./upload.js";

/** Dtype and device of a new tensor, and whether it collects a gradient. */
export interface TensorOptions {
  dtype?: DType;
  device?: Device;
  requiresGrad?: boolean;
}

const optionKeys: OptionKeys<TensorOptions> = { dtype: true, device: true, requiresGrad: true };

/**
 * A tensor from nested arrays of numbers, booleans or bigints, a single value, or a flat typed array.
 *
 * Without a `dtype`, numbers become `float32`, booleans `bool`, bigints `int64`, and a typed array keeps its
 * own type. `Uint16Array` needs a `dtype`: its bits may be `bfloat16` or `float16`. Numbers for an integer
 * `dtype` lose their fraction.
 * @throws if the nesting is ragged, kinds of values are mixed, or one is beyond the integers of `dtype`
 */
export function tensor(
  data: NestedNumbers | TypedArray | Uint8ClampedArray,
  options: TensorOptions = {},
): Tensor {
  checkOptions(options, optionKeys, "tensor");
  if (ArrayBuffer.isView(data)) {
    const array = data as TypedArray;
    return fromTypedArray(array, [array.length], options);
  }
  const values: Scalar[] = [];
  const shape = flatten(data, values);
  const kind = typeof values[0];
  if (values.some((value) => typeof value !== kind)) {
    throw new TypeError(
      "tensor: expected values of one kind (numbers, booleans or bigints), got a mixture. Convert them first.",
    );
  }
  if (options.dtype !== undefined) checkRange(values, options.dtype);
  if (kind === "bigint") return fromTypedArray(toInt64(values as bigint[]), shape, options);
  if (kind === "boolean")
    return finish(fromBytes(Uint8Array.from(values as boolean[], Number), "bool", shape), options);
  // Through float64, which holds every number exactly: a wanted integer type must not pass through float32.
  const dtype = options.dtype ?? "float32";
  return finish(fromBytes(Float64Array.from(values as number[]), "float64", shape), { ...options, dtype });
}

/**
 * A tensor with a copy of a typed array's elements. Pixels of a canvas, a `Uint8ClampedArray`, become
 * `uint8`. A `dtype` that differs converts as C does, without the checks of `tensor`.
 * @throws if their number does not fit `shape`, or no dtype holds them
 */
export function fromTypedArray(
  array: TypedArray | Uint8ClampedArray,
  shape: readonly number[],
  options: TensorOptions = {},
): Tensor {
  checkOptions(options, optionKeys, "fromTypedArray");
  if (kindOf(array) === "Uint16Array") {
    const bits = options.dtype;
    if (bits !== "bfloat16" && bits !== "float16") {
      throw new TypeError(
        `fromTypedArray: a Uint16Array holds the bits of bfloat16 or float16, got dtype ${bits}. Name one of them.`,
      );
    }
    return finish(fromBytes(array, bits, shape), options);
  }
  const own = dtypeOf(array);
  // The bytes of booleans are the bytes of uint8 once they are 0 or 1, which the conversion makes sure of.
  return finish(fromBytes(array, own, shape), options);
}

function fromBytes(array: ArrayBufferView, dtype: DType, shape: readonly number[]): Tensor {
  return wrap(bridge().fromBytes(array, dtype, shape));
}

function finish(made: Tensor, { dtype, device, requiresGrad }: TensorOptions): Tensor {
  const converted = dtype === undefined || dtype === made.dtype ? made : operators.toCopy(made, { dtype });
  if (converted !== made) made.dispose();
  const result = device === undefined || device === "cpu" ? converted : upload(converted, device);
  if (result !== converted) converted.dispose();
  if (requiresGrad) result.requiresGrad = true;
  return result;
}

/** Least and largest integers. As in PyTorch, negative ones come out as their bits in `uint8`. */
const ranges: Partial<Record<DType, readonly [least: number, largest: number]>> = {
  uint8: [-255, 255],
  int8: [-128, 127],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63 - 1024], // the last float64 below 2⁶³
};

/** Numbers beyond an integer type, NaN among them, would become other numbers without a word. */
function checkRange(values: readonly Scalar[], dtype: DType): void {
  const range = ranges[dtype];
  if (range === undefined) return;
  const [least, largest] = range;
  const isInside = (value: Scalar): boolean => {
    if (typeof value === "number") return Math.trunc(value) >= least && Math.trunc(value) <= largest;
    return typeof value === "boolean" || dtype === "int64" || (value >= least && value <= largest);
  };
  const outside = values.find((value) => !isInside(value));
  if (outside === undefined) return;
  throw new RangeError(
    `tensor: expected ${dtype} numbers, from ${dtype === "uint8" ? 0 : least} to ${largest}, got ${outside}. Use another dtype, or clamp them first.`,
  );
}

function toInt64(values: readonly bigint[]): BigInt64Array {
  const outside = values.find((value) => BigInt.asIntN(64, value) !== value);
  if (outside !== undefined) {
    throw new RangeError(
      `tensor: expected bigints of at most 64 bits, got ${outside}. Use numbers, which become floats.`,
    );
  }
  return BigInt64Array.from(values);
}

function flatten(data: NestedNumbers, into: Scalar[]): number[] {
  if (!Array.isArray(data)) {
    if (!["number", "boolean", "bigint"].includes(typeof data)) {
      throw new TypeError(
        ArrayBuffer.isView(data)
          ? `tensor: expected rows that are arrays, got a ${kindOf(data)}. Join the rows in one, for fromTypedArray(array, shape), or pass Array.from(row).`
          : `tensor: expected numbers, booleans or bigints, got ${data === null ? "null" : typeof data}.`,
      );
    }
    into.push(data as Scalar);
    return [];
  }
  if (data.length === 0) return [0];
  const inner = flatten(data[0], into);
  for (let i = 1; i < data.length; i++) {
    const shape = flatten(data[i], into);
    if (shape.length !== inner.length || shape.some((size, d) => size !== inner[d])) {
      throw new RangeError(
        `tensor: expected every row to have shape [${inner}], got [${shape}] at index ${i}. Pad the rows to one length.`,
      );
    }
  }
  return [data.length, ...inner];
}
