import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import {
  type DType,
  fromTypedArray,
  full,
  type NestedNumbers,
  ones,
  randn,
  type TypedArray,
  tensor,
  zeros,
} from "../../lib/torch/index.js";

describe("tensor", () => {
  test.each([
    ["a number", 1.5, [], "float32"],
    ["a list", [1, 2, 3], [3], "float32"],
    ["nested lists", [[[1], [2]]], [1, 2, 1], "float32"],
    ["booleans", [[true], [false]], [2, 1], "bool"],
    ["bigints", [1n, -2n], [2], "int64"],
    ["an empty list", [], [0], "float32"],
    ["empty rows", [[], []], [2, 0], "float32"],
  ] as [string, NestedNumbers, number[], DType][])("takes %s and gives it back", (_, data, shape, dtype) => {
    const made = tensor(data);
    expect(made.shape).toEqual(shape);
    expect(made.dtype).toBe(dtype);
    expect(made.toArray()).toEqual(data);
  });

  test("takes a flat typed array with its own type", () => {
    expect(tensor(Int16Array.of(-3, 4)).dtype).toBe("int16");
    expect(tensor(BigInt64Array.of(2n ** 62n)).item()).toBe(2n ** 62n);
  });

  test("is exact in integers up to 2^53 as numbers and to 2^63 as bigints", () => {
    expect(tensor(2 ** 53 - 1, { dtype: "int64" }).item()).toBe(2 ** 53 - 1);
    expect(tensor([2n ** 63n - 1n, -(2n ** 63n)]).toArray()).toEqual([2n ** 63n - 1n, -(2n ** 63n)]);
    expect(() => tensor([1n, 2n ** 63n])).toThrow(
      "tensor: expected bigints of at most 64 bits, got 9223372036854775808. Use numbers, which become floats.",
    );
  });

  test("converts to the dtype that is asked for, and ignores an undefined one", () => {
    expect(tensor([0, 0.5, -2], { dtype: "bool" }).toArray()).toEqual([false, true, true]);
    expect(tensor([1.9, -1.9], { dtype: "int8" }).toArray()).toEqual([1, -1]);
    expect(tensor([true, false], { dtype: "float64" }).toArray()).toEqual([1, 0]);
    expect(tensor([1], { dtype: undefined }).dtype).toBe("float32");
    expect(tensor([1, 2], { requiresGrad: true }).requiresGrad).toBe(true);
  });

  test.each<[DType, NestedNumbers]>([
    ["uint8", 256],
    ["uint8", 300n],
    ["int8", -129],
    ["int16", 2 ** 15],
    ["int32", -(2 ** 31) - 1],
    ["int64", 2 ** 63],
    ["int32", Number.NaN],
    ["int64", Number.POSITIVE_INFINITY],
  ])("refuses for %s the number %s, which would become another one", (dtype, value) => {
    expect(() =>
      tensor(
        [1, value].map((each) => (typeof value === "bigint" ? BigInt(each as number) : each)),
        { dtype },
      ),
    ).toThrow(`tensor: expected ${dtype} numbers, from `);
  });

  test("takes the whole range of an integer type, and more of floating point", () => {
    expect(tensor([-128.9, 127.9], { dtype: "int8" }).toArray()).toEqual([-128, 127]);
    expect(tensor([-(2 ** 63)], { dtype: "int64" }).toArray()).toEqual([-(2n ** 63n)]);
    expect(tensor([-1, 255], { dtype: "uint8" }).toArray()).toEqual([255, 255]); // as in PyTorch
    expect(tensor([70000, Number.NaN], { dtype: "float16" }).toArray()).toEqual([Infinity, Number.NaN]);
  });

  test("refuses what is no tensor", () => {
    expect(() => tensor([[1, 2], [3]])).toThrow(
      "tensor: expected every row to have shape [2], got [1] at index 1. Pad the rows to one length.",
    );
    expect(() => tensor([1, true])).toThrow(
      "expected values of one kind (numbers, booleans or bigints), got a mixture",
    );
    expect(() => tensor([1, "2"] as never)).toThrow("expected numbers, booleans or bigints, got string");
    expect(() => tensor(null as never)).toThrow("got null");
    expect(() => tensor([Float32Array.of(1)] as never)).toThrow("rows that are arrays, got a Float32Array");
    expect(() => tensor([1], { dtype: "float99" as DType })).toThrow("must be one of float32, float64");
    expect(() => tensor([1], { dtype: "int32", requiresGrad: true })).toThrow(/floating point/);
  });
});

describe("fromTypedArray", () => {
  test.each([
    [Float32Array.of(1.5, -2), "float32"],
    [Float64Array.of(0.1, 1e300), "float64"],
    [Uint8Array.of(0, 255), "uint8"],
    [Int8Array.of(-128, 127), "int8"],
    [Int16Array.of(-32768, 32767), "int16"],
    [Int32Array.of(-(2 ** 31), 2 ** 31 - 1), "int32"],
    [BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n), "int64"],
  ] as [TypedArray, DType][])("%o is the same after the way there and back", (array, dtype) => {
    const made = fromTypedArray(array, [2, 1]);
    expect(made.dtype).toBe(dtype);
    expect(made.shape).toEqual([2, 1]);
    expect(made.toTypedArray()).toEqual(array);
  });

  test.each([
    ["bfloat16", Uint16Array.of(0x3f80, 0xc020, 0x7f80), [1, -2.5, Number.POSITIVE_INFINITY]],
    ["float16", Uint16Array.of(0x3c00, 0xc100, 0x7c00), [1, -2.5, Number.POSITIVE_INFINITY]],
  ] as [DType, Uint16Array, number[]][])("takes the bits of %s", (dtype, bits, values) => {
    const made = fromTypedArray(bits, [3], { dtype });
    expect(made.dtype).toBe(dtype);
    expect(made.toTypedArray()).toEqual(bits);
    expect(made.toArray()).toEqual(values);
    expect(tensor(values, { dtype }).toTypedArray()).toEqual(bits);
    expect(() => fromTypedArray(bits, [3])).toThrow(
      "holds the bits of bfloat16 or float16, got dtype undefined",
    );
  });

  test("makes booleans of bytes: everything but zero is true, as one bit", () => {
    const flags = fromTypedArray(Uint8Array.of(0, 1, 255), [3], { dtype: "bool" });
    expect(flags.toTypedArray()).toEqual(Uint8Array.of(0, 1, 1));
    expect(flags.toArray()).toEqual([false, true, true]);
  });

  test("takes pixels of a canvas, and typed arrays of another realm", () => {
    expect(tensor(Uint8ClampedArray.of(0, 255)).dtype).toBe("uint8");
    const foreign = runInNewContext("Float32Array.of(1, 2)") as Float32Array;
    expect(foreign).not.toBeInstanceOf(Float32Array);
    expect(tensor(foreign).toArray()).toEqual([1, 2]);
    const bits = runInNewContext("Uint16Array.of(0x3f80)") as Uint16Array;
    expect(tensor(bits, { dtype: "bfloat16" }).toArray()).toEqual([1]);
  });

  test("copies, so that the array can change", () => {
    const array = Float32Array.of(1, 2);
    const made = fromTypedArray(array, [2]);
    array[0] = 9;
    expect(made.toArray()).toEqual([1, 2]);
  });

  test("takes parts of buffers, Node's buffers and shared memory", () => {
    expect(fromTypedArray(Float32Array.of(1, 2, 3).subarray(1), [2]).toArray()).toEqual([2, 3]);
    expect(fromTypedArray(Buffer.from([7, 8]), [2]).toArray()).toEqual([7, 8]);
    const shared = new Float32Array(new SharedArrayBuffer(16), 4, 2);
    shared.set([5, 6]);
    expect(fromTypedArray(shared, [2]).toArray()).toEqual([5, 6]);
  });

  test("refuses another number of elements, sizes that are none, and other arrays", () => {
    const six = new Float32Array(6);
    expect(() => fromTypedArray(six, [2, 2])).toThrow(
      "expected as many elements as shape [2, 2] has, got 6. Give the shape of the data.",
    );
    expect(() => fromTypedArray(six, [-2, -3])).toThrow("expected sizes of at least 0, got -2");
    expect(() => fromTypedArray(six, [2 ** 40, 2 ** 40])).toThrow("got 6. Give the shape of the data.");
    expect(() => fromTypedArray(six, [5.5])).toThrow(
      "expected an array of integers, got another value at index 0",
    );
    expect(() => fromTypedArray(six, 6 as never)).toThrow("expected an array of integers");
    expect(() => fromTypedArray(new Uint32Array(1) as never, [1])).toThrow("got Uint32Array");
    expect(() => fromTypedArray([1] as never, [1])).toThrow("got Array");
  });
});

describe("factories", () => {
  test("make what they are asked for", () => {
    expect(zeros([2, 0]).toArray()).toEqual([[], []]);
    expect(ones([], { dtype: "float64" }).toArray()).toBe(1);
    expect(full([2], 2n ** 60n).toArray()).toEqual([2n ** 60n, 2n ** 60n]);
    expect(full([1], true).dtype).toBe("bool");
    expect(randn([3], { dtype: "bfloat16" }).dtype).toBe("bfloat16");
  });

  test("name the device that is missing", () => {
    expect(() => zeros([2], { device: "gpu" as never })).toThrow(/aten::zeros: .*device string: gpu/);
    expect(() => zeros([2], { device: "cuda:99" })).toThrow(/cuda:99|device/);
  });

  test("report sizes that no memory holds", () => {
    expect(() => zeros([2 ** 50])).toThrow(/aten::zeros: .*can't allocate memory/);
    expect(() => zeros([2 ** 50, 2 ** 50])).toThrow(/aten::zeros: .*overflow/);
  });
});
