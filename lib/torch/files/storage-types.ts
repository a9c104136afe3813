import type { Tensor } from "../tensor.js";
import type { DType } from "../types.js";
import { foreignTypes } from "./foreign-types.js";
import type { PickleGlobal } from "./pickle.js";

/** How the bits of a storage are read. */
export interface ElementType {
  /** Dtype as which the bits are read. */
  readonly dtype: DType;
  readonly itemBytes: number;
  readonly convert?: (raw: Tensor) => Tensor | undefined;
}

export interface StorageType extends PickleGlobal, ElementType {}

/** By the names of their classes in PyTorch. */
export const storageTypes: ReadonlyMap<string, StorageType> = new Map([
  ["FloatStorage", { dtype: "float32", itemBytes: 4 }],
  ["DoubleStorage", { dtype: "float64", itemBytes: 8 }],
  ["HalfStorage", { dtype: "float16", itemBytes: 2 }],
  ["BFloat16Storage", { dtype: "bfloat16", itemBytes: 2 }],
  ["LongStorage", { dtype: "int64", itemBytes: 8 }],
  ["IntStorage", { dtype: "int32", itemBytes: 4 }],
  ["ShortStorage", { dtype: "int16", itemBytes: 2 }],
  ["CharStorage", { dtype: "int8", itemBytes: 1 }],
  ["ByteStorage", { dtype: "uint8", itemBytes: 1 }],
  ["BoolStorage", { dtype: "bool", itemBytes: 1 }],
  ["ComplexFloatStorage", { dtype: "complex64", itemBytes: 8 }],
  ["ComplexDoubleStorage", { dtype: "complex128", itemBytes: 16 }],
  ["UntypedStorage", { dtype: "uint8", itemBytes: 1 }],
]);

/** `torch.float32` and its like, which a checkpoint may keep as a value. */
export class DTypeName implements PickleGlobal {
  readonly call = undefined;

  constructor(readonly name: string) {}
}

export const dtypeNames: ReadonlyMap<string, DTypeName> = new Map(
  [
    ...Array.from(storageTypes.values(), ({ dtype }) => dtype),
    ...Object.keys(foreignTypes),
    ...["complex32", "quint8", "qint8", "qint32", "quint4x2", "quint2x4", "float4_e2m1fn_x2"],
    ...["bits1x8", "bits2x4", "bits4x2", "bits8", "bits16"],
    ...[1, 2, 3, 4, 5, 6, 7].flatMap((bits) => [`int${bits}`, `uint${bits}`]),
  ].map((name) => [name, new DTypeName(name)]),
);

/** The elements that a dtype of PyTorch's name stands for. */
export function elementType(name: string): ElementType | undefined {
  const own = [...storageTypes.values()].find(({ dtype }) => dtype === name);
  if (own !== undefined) return own;
  const foreign = foreignTypes[name];
  return foreign && { dtype: foreign.raw, itemBytes: foreign.itemBytes, convert: foreign.convert };
}
