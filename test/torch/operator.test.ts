import { describe, expect, test } from "vitest";
import { bridge } from "../../lib/torch/bridge.js";
import {
  arange,
  callOperator,
  generator,
  index,
  linear,
  mm,
  mul,
  randn,
  type Tensor,
  tensor,
  topk,
  unsqueeze,
} from "../../lib/torch/index.js";

const matrix = () =>
  tensor([
    [1, 2],
    [3, 4],
  ]);

/** Calls an operator that returns one tensor. */
const call = (name: string, ...args: unknown[]) => callOperator(name, ...args) as Tensor;

describe("callOperator converts", () => {
  test("Tensor, Tensor? and their lists", () => {
    const a = matrix();
    expect(call("aten::linear", a, a).toArray()).toEqual([
      [5, 11],
      [11, 25],
    ]);
    expect(call("aten::linear", a, a, null).toArray()).toEqual(
      call("aten::linear", a, a, undefined).toArray(),
    );
    expect(
      call("aten::linear", a, a, tensor([1, 0]))
        .select(0, 0)
        .toArray(),
    ).toEqual([6, 11]);
    expect(call("aten::cat", [a, a], 1).shape).toEqual([2, 4]);
    expect(call("aten::index.Tensor", a, [null, tensor([1n])]).toArray()).toEqual([[2], [4]]);
    expect(index(a, [null, tensor([true, false])]).toArray()).toEqual([[1], [3]]);
  });

  test("int, int[], int[2] from one number, bigint and null", () => {
    const a = arange(6, { dtype: "float32" }).view([1, 1, 2, 3]);
    expect(call("aten::select.int", a, -1, 2n).toArray()).toEqual([[[2, 5]]]);
    expect(call("aten::sum.dim_IntList", a, [2, 3]).toArray()).toEqual([[15]]);
    expect(call("aten::sum.dim_IntList", a, 3).toArray()).toEqual([[[3, 12]]]);
    expect(call("aten::sum.dim_IntList", a, null).item()).toBe(15);
    expect(call("aten::max_pool2d", a, 2, 1).toArray()).toEqual([[[[4, 5]]]]);
    expect(call("aten::max_pool2d", a, [1, 3]).toArray()).toEqual([[[[2], [5]]]]);
  });

  test("float, float[]?, bool, str", () => {
    const a = tensor([-1, 0.25]);
    expect(call("aten::leaky_relu", a, 0.5).toArray()).toEqual([-0.5, 0.25]);
    expect(call("aten::dropout", a.abs(), 1, true).toArray()).toEqual([0, 0]);
    expect(call("aten::dropout", a, 1, false).toArray()).toEqual([-1, 0.25]);
    expect(call("aten::div.Tensor_mode", a, tensor([2, 2]), { rounding_mode: "floor" }).toArray()).toEqual([
      -1, 0,
    ]);
    const image = arange(4, { dtype: "float32" }).view([1, 1, 2, 2]);
    const byScale = call("aten::upsample_nearest2d.vec", image, null, [2, 2]);
    const bySize = call("aten::upsample_nearest2d.vec", image, [4, 4], null);
    expect(byScale.shape).toEqual([1, 1, 4, 4]);
    expect(byScale.toArray()).toEqual(bySize.toArray());
  });

  test("Scalar as integer, float, boolean and bigint", () => {
    const whole = tensor([1n, 2n]);
    expect(mul(whole, 3).dtype).toBe("int64");
    expect(mul(whole, 0.5).dtype).toBe("float32");
    expect(mul(whole, 2n ** 61n).toArray()).toEqual([2n ** 61n, 2n ** 62n]);
    expect(call("aten::full", [2], true).dtype).toBe("bool");
    expect(call("aten::full", [1], Number.NEGATIVE_INFINITY).item()).toBe(Number.NEGATIVE_INFINITY);
    expect(call("aten::full", [1], 1e20).item()).toBeCloseTo(1e20, -14);
  });

  test("ScalarType, Device, Layout, MemoryFormat, Generator", () => {
    const options = { dtype: "int16", device: "cpu", layout: "strided", pin_memory: false };
    expect(call("aten::ones", [2], options).dtype).toBe("int16");
    expect(call("aten::ones", [2], { device: "meta" }).device).toBe("meta");
    expect(call("aten::to_sparse", matrix(), { layout: "sparse" }).sum().item()).toBe(10);
    const image = randn([1, 2, 3, 3]);
    expect(call("aten::clone", image, { memory_format: "channels_last" }).strides()).toEqual([18, 1, 6, 2]);
    const draw = () => call("aten::randn.generator", [4], { generator: generator(3) }).toArray();
    expect(draw()).toEqual(draw());
  });

  test("defaults, and keywords for positional arguments too", () => {
    const a = matrix();
    expect(call("aten::add.Tensor", a, a, { alpha: 2 }).toArray()).toEqual(mul(a, 3).toArray());
    expect(call("aten::add.Tensor", a, { other: a, alpha: undefined }).toArray()).toEqual(
      mul(a, 2).toArray(),
    );
    expect(call("aten::add.Tensor", { self: a, other: a }).toArray()).toEqual(mul(a, 2).toArray());
    const bare = Object.assign(Object.create(null), { alpha: -1 });
    expect(call("aten::add.Tensor", a, a, bare).sum().item()).toBe(0);
  });

  test("a keyword object whose getter calls an operator itself", () => {
    const a = matrix();
    const keywords = {
      get other() {
        return mul(a, 2);
      },
    };
    expect(call("aten::add.Tensor", a, keywords).toArray()).toEqual(mul(a, 3).toArray());
  });
});

describe("callOperator returns", () => {
  test("several values in schema order, lists, and plain values", () => {
    const [values, indices] = callOperator("aten::max.dim", matrix(), 1) as Tensor[];
    expect([values?.toArray(), indices?.toArray()]).toEqual([
      [2, 4],
      [1n, 1n],
    ]);
    expect((callOperator("aten::split.Tensor", matrix(), 1) as Tensor[]).map((part) => part.shape)).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(callOperator("aten::equal", matrix(), matrix())).toBe(true);
    expect(callOperator("aten::size.int", matrix(), 1)).toBe(2);
  });

  test("in-place results as fresh handles of the same memory", () => {
    const a = matrix();
    const result = call("aten::mul_.Scalar", a, 2);
    expect(result).not.toBe(a);
    result.dispose();
    expect(a.toArray()).toEqual([
      [2, 4],
      [6, 8],
    ]);
  });

  test("out variants into the tensor they are given", () => {
    const out = matrix();
    call("aten::add.out", matrix(), matrix(), { out });
    expect(out.toArray()).toEqual(mul(matrix(), 2).toArray());
  });

  test("undefined where the schema returns nothing", () => {
    const a = tensor([1, 2]);
    expect(callOperator("aten::_foreach_add_.Scalar", [a], 1, { unsafe: true })).toBeUndefined();
    expect(a.toArray()).toEqual([2, 3]);
  });

  test("undefined for a tensor that was not computed", () => {
    const [grad, , bias] = callOperator("aten::convolution_backward", ...convolution([true, false, false]), {
      unsafe: true,
    }) as Tensor[];
    expect(grad?.shape).toEqual([1, 1, 2]);
    expect(bias).toBeUndefined();
  });
});

function convolution(outputMask: boolean[]): unknown[] {
  const [input, weight, grad] = [tensor([[[1, 2]]]), tensor([[[3]]]), tensor([[[1, 1]]])];
  return [grad, input, weight, null, [1], [0], [1], false, [0], 1, outputMask];
}

describe("an operator that checks too little", () => {
  const internal = callableNames().filter((name) => /^aten::(_(?!_\w+__)|\w*_backward(_|\.|$))/.test(name));

  test("is refused by name, whatever it is called with", () => {
    expect(internal.length).toBeGreaterThan(300);
    for (const name of internal) expect(() => callOperator(name)).toThrow(/unsafe: true/);
    expect(() => callOperator("aten::_softmax", matrix(), 1, { halfToFloat: false })).toThrow(/unsafe: true/);
    expect(() => callOperator("aten::_softmax", matrix(), 1, false, { unsafe: false })).toThrow(/unsafe/);
    expect(() => callOperator("aten::_softmax", matrix(), 1, false, { unsafe: 1 })).toThrow(/true or false/);
  });

  test("is called with unsafe, which no operator is given", () => {
    const softmax = call("aten::_softmax", matrix(), 1, { half_to_float: false, unsafe: true });
    expect(softmax.toArray()).toEqual(call("aten::softmax.int", matrix(), 1).toArray());
    expect(call("aten::__and__.Tensor", tensor([1n, 3n]), tensor([3n, 2n])).toArray()).toEqual([1n, 2n]);
    expect(() => call("codyra::quick_gelu_backward", matrix(), tensor([1]))).toThrow(/grad/);
  });
});

function callableNames(): string[] {
  return bridge()
    .schemas()
    .map((schema) => schema.slice(0, schema.indexOf("(")));
}

describe("a wrong call says what was expected:", () => {
  const a = matrix();
  const disposed = matrix();
  disposed.dispose();
  test.each<[string, () => unknown, string]>([
    [
      "a number for a tensor",
      () => mm(a, 3 as never),
      "aten::mm: argument 'mat2' (position 2) must be Tensor, not number. Wrap it with tensor(...).",
    ],
    [
      "a number for an optional tensor",
      () => linear(a, a, 5 as never),
      "aten::linear: argument 'bias' (position 3) must be Tensor, not number. Wrap it with tensor(...).",
    ],
    [
      "nothing for a tensor",
      () => mm(a, undefined as never),
      "argument 'mat2' (position 2) must be Tensor, not undefined.",
    ],
    [
      "a disposed tensor",
      () => mm(a, disposed),
      "aten::mm: argument 'mat2' (position 2) was disposed. Use it before dispose().",
    ],
    [
      "a number in a list of tensors",
      () => call("aten::cat", [a, 3]),
      "aten::cat: argument 'tensors' (position 1) element 1 must be Tensor, not number. Wrap it with tensor(...).",
    ],
    [
      "a tensor for a list of tensors",
      () => call("aten::cat", a),
      "aten::cat: argument 'tensors' (position 1) must be Tensor[], not object. Pass an array.",
    ],
    [
      "a tensor for an integer",
      () => call("aten::unsqueeze", a, a),
      "aten::unsqueeze: argument 'dim' (position 2) must be int, not object.",
    ],
    [
      "a tensor for a scalar",
      () => call("aten::add.Scalar", a, a),
      "argument 'other' (position 2) must be Scalar, not object. Numbers, bigints and booleans are scalars.",
    ],
    [
      "a fraction for an integer",
      () => unsqueeze(a, 0.5),
      "argument 'dim' (position 2) must be an integer, got 0.5. Round it, or use a bigint beyond 2^53.",
    ],
    ["NaN for an integer", () => unsqueeze(a, Number.NaN), "must be an integer, got nan."],
    ["a number beyond 2^53 for an integer", () => topk(a, 2 ** 60), "must be an integer, got 1.15292e+18."],
    [
      "a bigint beyond 64 bits",
      () => topk(a, (2n ** 64n) as never),
      "must fit in 64 bits, got a larger bigint.",
    ],
    [
      "a string in a list of integers",
      () => call("aten::sum.dim_IntList", a, [0, "1"]),
      "element 1 must be int, not string.",
    ],
    [
      "an object for a list",
      () => call("aten::permute", a, new Map()),
      "must be int[], not object. Pass an array.",
    ],
    [
      "a number for a flag",
      () => call("aten::sum.dim_IntList", a, [0], 1),
      "argument 'keepdim' (position 3) must be bool, not number.",
    ],
    [
      "a number for a string",
      () => call("aten::einsum", 3, [a]),
      "argument 'equation' (position 1) must be str, not number.",
    ],
    [
      "a string for a float",
      () => call("aten::dropout", a, "0.5", true),
      "argument 'p' (position 2) must be float, not string.",
    ],
    [
      "an unknown dtype",
      () => call("aten::ones", [1], { dtype: "float99" }),
      "argument 'dtype' (position 2) must be one of float32, float64,",
    ],
    [
      "an unknown layout",
      () => call("aten::ones", [1], { layout: "x" }),
      "must be one of strided, sparse, sparse_csr, got 'x'.",
    ],
    [
      "an unknown memory format",
      () => call("aten::clone", a, { memory_format: "x" }),
      "must be one of contiguous, preserve, channels_last, channels_last_3d, got 'x'.",
    ],
    [
      "a number for a generator",
      () => randn([1], { generator: 5 as never }),
      "argument 'generator' (position 2) must be a live Generator. Make one with generator(seed).",
    ],
    ["a tensor for a generator", () => randn([1], { generator: a as never }), "must be a live Generator."],
    [
      "too few arguments",
      () => call("aten::add.Tensor", a),
      "argument 'other' (position 2) of type Tensor is missing.",
    ],
    [
      "too many arguments",
      () => call("aten::mm", a, a, 1, 2),
      "aten::mm: expected at most 2 arguments, got 4.",
    ],
    [
      "an unknown keyword",
      () => call("aten::add.Tensor", a, a, { beta: 1 }),
      "aten::add.Tensor: unknown argument 'beta'; expected one of self, other, alpha.",
    ],
    [
      "an argument twice",
      () => call("aten::add.Tensor", a, a, { other: a }),
      "'other' was given twice, by position and by name.",
    ],
    [
      "an argument of a type that cannot be passed",
      () => call("quantized::linear", a, 1, 1, 1),
      "which codyra cannot pass.",
    ],
    [
      "an array of holes",
      () => call("aten::index.Tensor", a, new Array(2 ** 24 + 1)),
      "must have at most 16777216 elements",
    ],
    [
      "shapes that do not fit",
      () => mm(a, tensor([[1, 2]])),
      "aten::mm: mat1 and mat2 shapes cannot be multiplied (2x2 and 1x2)",
    ],
    [
      "an unknown operator",
      () => call("aten::nope"),
      "unknown operator aten::nope: expected an operator of this libtorch. Check the name",
    ],
    [
      "an unknown overload",
      () => call("aten::relu.nope", a),
      "expected an operator of this libtorch, which has the overloads",
    ],
  ])("%s", (_, body, message) => {
    expect(body).toThrow(message);
  });

  test("an error of a getter comes through unchanged", () => {
    const keywords = {
      get alpha(): number {
        throw new RangeError("mine");
      },
    };
    expect(() => call("aten::add.Tensor", a, a, keywords)).toThrow(new RangeError("mine"));
  });

  test("an operator without a kernel for the device, without libtorch's table of kernels", () => {
    const sparse = call("aten::to_sparse", a);
    const failure = error(() => call("aten::cumsum", sparse, 0));
    expect(failure.message).toMatch(/aten::cumsum.*Sparse/s);
    expect(failure.message).not.toContain("registered at");
  });

  test("the backtrace of libtorch is kept apart from the message", () => {
    const failure = error(() => mm(a, tensor([[1, 2]])));
    expect(failure.message).not.toContain("Exception raised from");
    expect(typeof (failure as Error & { nativeBacktrace: unknown }).nativeBacktrace).toBe("string");
    expect(Object.keys(failure)).toEqual([]);
    expect(failure.stack).toContain("operator.test.ts");
  });
});

function error(body: () => unknown): Error {
  try {
    body();
  } catch (thrown) {
    return thrown as Error;
  }
  throw new Error("expected a throw");
}

test("a product in place rounds once, as Python's does, which passes the number as a tensor", () => {
  for (const dtype of ["float16", "bfloat16"] as const) {
    const a = tensor([-3, 1.203125, 0.88671875], { dtype });
    const wanted = a.mul(0.9).toArray();
    expect(a.clone().mul_(0.9).toArray()).toEqual(wanted);
    expect((callOperator("aten::mul_.Scalar", a, 0.9) as Tensor).toArray()).toEqual(wanted);
  }
  expect(tensor([1, 2], { dtype: "int64" }).mul_(3).toArray()).toEqual([3n, 6n]);
  expect(() => tensor([1], { dtype: "int64" }).mul_(0.5)).toThrow(/can't be cast to the desired output type/);
  expect(() => tensor([1]).mul_("2" as never)).toThrow("must be Scalar, not string");
  const leaf = tensor([2], { requiresGrad: true });
  leaf.mul(1).mul_(3).sum().backward();
  expect(leaf.grad?.item()).toBe(3);
});

test("a dtype beyond those of tensors has PyTorch's name", () => {
  expect(tensor([[1, 2]], { dtype: "float16" }).viewAsComplex().dtype).toBe("complex32");
});
