import { fromTypedArray } from "../creation.js";
import type { Tensor } from "../tensor.js";
import type { DType } from "../types.js";

/**
 * A type of elements that files hold and codyra's tensors do not. It is read as bits of another one, then
 * converted to the nearest that holds them.
 */
export interface ForeignType {
  /** Dtype as which the bits are read. */
  readonly raw: DType;
  readonly itemBytes: number;
  /** @returns the values, exactly; `undefined` where they are too large for any dtype */
  readonly convert: (raw: Tensor) => Tensor | undefined;
}

/** By PyTorch's names. Unsigned integers become wider signed ones, 8-bit floats float32. */
export const foreignTypes: Readonly<Record<string, ForeignType>> = {
  uint16: { raw: "int16", itemBytes: 2, convert: (raw) => raw.to({ dtype: "int32" }).bitwiseAnd(0xffff) },
  uint32: { raw: "int32", itemBytes: 4, convert: (raw) => raw.to({ dtype: "int64" }).bitwiseAnd(0xffffffff) },
  uint64: {
    raw: "int64",
    itemBytes: 8,
    convert: (raw) => (raw.numel() > 0 && raw.min().item() < 0 ? undefined : raw),
  },
  float8_e4m3fn: float8((byte) => ((byte & 127) === 127 ? Number.NaN : smallFloat(byte, 3, 7))),
  float8_e4m3fnuz: float8((byte) => (byte === 128 ? Number.NaN : smallFloat(byte, 3, 8))),
  float8_e5m2: float8((byte) => {
    const [isLast, fraction] = [((byte >> 2) & 31) === 31, byte & 3];
    if (!isLast) return smallFloat(byte, 2, 15);
    return fraction > 0 ? Number.NaN : byte & 128 ? -Infinity : Infinity;
  }),
  float8_e5m2fnuz: float8((byte) => (byte === 128 ? Number.NaN : smallFloat(byte, 2, 16))),
  float8_e8m0fnu: float8((byte) => (byte === 255 ? Number.NaN : 2 ** (byte - 127))),
};

function float8(value: (byte: number) => number): ForeignType {
  const convert = (raw: Tensor): Tensor => {
    const values = fromTypedArray(
      Float32Array.from({ length: 256 }, (_, byte) => value(byte)),
      [256],
    );
    return values.indexSelect(0, raw.flatten().to({ dtype: "int64" })).view(raw.shape);
  };
  return { raw: "uint8", itemBytes: 1, convert };
}

/** Sign, exponent and `fractionBits` bits of fraction, without special values. */
function smallFloat(byte: number, fractionBits: number, bias: number): number {
  const scale = 2 ** fractionBits;
  const [fraction, exponent] = [byte % scale, (byte & 127) >> fractionBits];
  const size =
    exponent === 0 ? (fraction / scale) * 2 ** (1 - bias) : (1 + fraction / scale) * 2 ** (exponent - bias);
  return byte & 128 ? -size : size;
}
