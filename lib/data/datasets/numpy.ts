import { type NumpyArray, numelOf } from "../../torch/index.js";

/** Whether a value is an array of unsigned bytes, row-major, with data for its shape. */
export function isByteArray(value: unknown): value is NumpyArray {
  const { shape, dtype, data, isFortran } = (value ?? {}) as Partial<NumpyArray>;
  return (
    dtype === "u1" &&
    isFortran === false &&
    Array.isArray(shape) &&
    data instanceof Uint8Array &&
    data.length === numelOf(shape.map(Number))
  );
}
