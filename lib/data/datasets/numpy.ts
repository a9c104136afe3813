import type { PickleGlobal } from "../../torch/index.js";

/** An array as NumPy pickles it: bytes in row-major order. */
export interface NumpyArray {
  shape: readonly number[];
  /** NumPy's short name, such as `u1` for unsigned bytes. */
  dtype: string;
  data: Uint8Array;
}

/** What a pickle of NumPy arrays needs, for `unpickle`; NumPy 2 calls its module `_core`. */
export function numpyGlobals(module: string, name: string): PickleGlobal | undefined {
  if (/^numpy\._?core\.multiarray$/.test(module) && name === "_reconstruct") return reconstruct;
  if (module !== "numpy") return undefined;
  if (name === "ndarray") return {};
  return name === "dtype" ? { call: (text) => ({ name: asText(text) }) } : undefined;
}

/** Whether a value is an array of unsigned bytes with as much data as its shape says. */
export function isByteArray(value: unknown): value is NumpyArray {
  const { shape, dtype, data } = (value ?? {}) as Partial<NumpyArray>;
  return (
    dtype === "u1" &&
    Array.isArray(shape) &&
    data instanceof Uint8Array &&
    data.length === shape.reduce((product: number, size: unknown) => product * Number(size), 1)
  );
}

const reconstruct: PickleGlobal = {
  call: () => ({}),
  setState: (array, state) => {
    const [, shape, dtype, isFortran, data] = Array.isArray(state) ? state : [];
    const name = (dtype as { name?: string } | undefined)?.name;
    if (isFortran === false) Object.assign(array, { shape, dtype: name, data });
  },
};

/** Python 2 pickles its texts as bytes. */
function asText(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : String(value);
}
