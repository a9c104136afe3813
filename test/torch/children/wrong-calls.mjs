// `node wrong-calls.mjs SEED CALLS [--trace]` calls random operators with random arguments, most of them
// wrong. It prints {"calls", "failed", "leakedTensors"} when every failure was an Error with a message.
// `--trace` names each call before it.
import { readFileSync, writeSync } from "node:fs";
import { bridge } from "../../../dist/torch/bridge.js";
import * as torch from "../../../dist/torch/index.js";

const [seed, calls] = process.argv.slice(2, 4).map(Number);
const isTraced = process.argv.includes("--trace");

// Left out: an operator that writes files (and below, a function whose purpose is that tensors stay).
const excluded = new Set(["aten::from_file"]);

const operators = readFileSync(new URL("../../../scripts/operators.txt", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !/^(#|==)/.test(line))
  .flatMap((line) => line.split(/\s+/))
  .map((name) => (name.includes("::") ? name : `aten::${name}`))
  .filter((name) => !excluded.has(name));
const wrappers = Object.entries(torch).filter(
  ([name, value]) => typeof value === "function" && !["fromFile", "keep", "Tensor"].includes(name),
);

let state = seed;
/** mulberry32: a number from 0 to 1. */
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const chance = (probability) => random() < probability;
const below = (count) => Math.floor(random() * count);
const pick = (values) => values[below(values.length)];
const list = (longest, make) => Array.from({ length: below(longest + 1) }, make);

// Beyond what any machine can address, so that asking for it fails everywhere. Nothing between it and a
// handful is asked for.
const huge = [2 ** 50, 1e15, 2 ** 53 - 1, -(2 ** 50)];
const smallInt = () => (chance(0.95) ? below(9) - 3 : pick(huge));
const number = () =>
  pick([0, 1, -1, 0.5, -2.25, 1e-30, 1e30, Number.NaN, Number.POSITIVE_INFINITY, smallInt()]);
const dtypes = [
  "float32",
  "float64",
  "float16",
  "bfloat16",
  "uint8",
  "int8",
  "int16",
  "int32",
  "int64",
  "bool",
  "complex64",
];

let pool = [];
/**
 * Tensors of every dtype, from no element to a few, among them views, leaves, sparse ones and ones without
 * memory.
 */
function refillPool() {
  const { arange, ones, tensor, zeros, callOperator } = torch;
  const disposed = ones([2]);
  disposed.dispose();
  let closed;
  torch.scope(() => {
    closed = ones([2]);
  });
  const forged = [Number.NaN, 0, 0.5, 12345, 5 * 2 ** 24 + 3, 2 ** 53, -7].map(
    (handle) => new torch.Tensor(handle),
  );
  pool = [
    ...dtypes.map((dtype) => ones([2, 3], { dtype })),
    ...dtypes.map((dtype) => arange(4, { dtype: "int64" }).to({ dtype })),
    tensor(2),
    tensor(-1n),
    tensor([Number.NaN, Number.POSITIVE_INFINITY, -0]),
    tensor([-5n, 2n ** 62n, 1000n]),
    zeros([0]),
    zeros([2, 0, 3]),
    ones([3, 3]).t(),
    ones([1, 2, 4, 4]),
    ones([2, 3, 5]),
    ones([]).expand([3, 2]),
    ones([4, 4]).requiresGrad_(),
    ones([2, 3], { device: "meta" }),
    ones([2 ** 40, 2 ** 12], { device: "meta" }),
    callOperator("aten::to_sparse", ones([3, 3])),
    disposed,
    closed,
    ...forged,
  ];
}
const anyTensor = () => pick(pool);

const wild = [
  () => undefined,
  () => null,
  number,
  () => pick(huge),
  () => pick([2n ** 63n, -(2n ** 70n), 3n]),
  () => pick(["", "x", "float32", "cpu", "cuda", "meta:7", "ij,jk->ik", "\0", "é".repeat(300)]),
  () => chance(0.5),
  () => Symbol("x"),
  () => () => 1,
  () => ({}),
  () => ({ dtype: pick(dtypes), device: pick(["cpu", "meta", "cuda"]) }),
  () => ({ alpha: anyTensor(), self: 3, __proto__: { out: 1 } }),
  () => ({
    get dtype() {
      throw new RangeError("a getter that throws");
    },
  }),
  () =>
    new Proxy(
      {},
      {
        ownKeys: () => {
          throw new RangeError("a proxy that throws");
        },
      },
    ),
  () => [],
  () => list(5, () => pick(wild)()),
  () => list(5, smallInt),
  () => list(4, anyTensor),
  () => new Array(below(1e6)),
  () => new Float32Array(3),
  () => new ArrayBuffer(8),
  () => new Date(0),
  () => new Map([["dim", 1]]),
  () => torch.generator(1),
  anyTensor,
];

/** A value that suits the schema's type. */
function suitable(type) {
  if (type.endsWith("?") && chance(0.3)) return chance(0.5) ? null : undefined;
  const base = type.replace(/\?$/, "");
  switch (base) {
    case "Tensor":
      return anyTensor();
    case "Tensor[]":
      return list(4, anyTensor);
    case "Tensor?[]":
      return list(4, () => (chance(0.3) ? null : anyTensor()));
    case "int":
    case "SymInt":
      return smallInt();
    case "float":
      return number();
    case "Scalar":
      return chance(0.9) ? number() : pick([true, 3n]);
    case "bool":
      return chance(0.5);
    case "str":
      return pick([
        "none",
        "mean",
        "tanh",
        "linear",
        "floor",
        "fro",
        "nuc",
        "sum",
        "ij,jk->ik",
        "...i->...",
        "->",
        "xy",
      ]);
    case "int[]":
    case "SymInt[]":
      return list(4, smallInt);
    case "float[]":
      return list(3, number);
    case "bool[]":
      return list(3, () => chance(0.5));
    case "Scalar[]":
      return list(3, number);
    case "ScalarType":
      return pick(dtypes);
    case "Device":
      return pick(["cpu", "meta"]);
    case "Layout":
      return pick(["strided", "sparse", "sparse_csr"]);
    case "MemoryFormat":
      return pick(["contiguous", "preserve", "channels_last", "channels_last_3d"]);
    case "Generator":
      return torch.generator(below(10));
    default:
      return pick(wild)();
  }
}

function randomCall() {
  if (chance(0.25)) {
    const [name, wrapper] = pick(wrappers);
    const args = list(5, () => (chance(0.5) ? anyTensor() : pick(wild)()));
    return { name, args, run: () => wrapper(...args) };
  }
  const name = pick(operators);
  const [base, overload = ""] = name.split(".");
  const parameters = bridge().describeOperator(bridge().findOperator(base, overload)).arguments;
  const wildness = pick([0, 0, 0.1, 0.5]);
  const args = parameters.map(({ type }) => (chance(wildness) ? pick(wild)() : suitable(type)));
  if (chance(0.1)) args.length = below(args.length + 1);
  if (chance(0.1)) args.push(pick(wild)());
  if (chance(0.3)) {
    const keywords = {};
    for (let i = args.length - 1; i >= 0 && chance(0.6); i--)
      keywords[parameters[i]?.name ?? "extra"] = args.pop();
    args.push(keywords);
  }
  return { name, args, run: () => torch.callOperator(name, ...args) };
}

/** Backward too, where a result has a graph. */
function use(result) {
  for (const value of Array.isArray(result) ? result : [result]) {
    if (value instanceof torch.Tensor && !value.isDisposed && value.requiresGrad && value.numel() < 1e4)
      value.sum().backward();
  }
}

let failed = 0;
const before = torch.memoryStatistics().liveTensors;
for (let done = 0; done < calls; done++) {
  torch.scope(() => {
    refillPool();
    const { name, args, run } = randomCall();
    if (isTraced) writeSync(2, `${done} ${name} ${args.map(describe).join(" | ")}\n`);
    try {
      use(run());
    } catch (error) {
      failed++;
      if (!(error instanceof Error) || error.message === "") {
        throw new Error(`call ${done}, ${name}: threw ${String(error)}`, { cause: error });
      }
    }
  });
}
const leakedTensors = torch.memoryStatistics().liveTensors - before;
console.log(JSON.stringify({ seed, calls, failed, leakedTensors }));

function describe(value) {
  try {
    if (Array.isArray(value))
      return value.length > 9 ? `array of ${value.length}` : `[${value.map(describe)}]`;
    if (value instanceof torch.Tensor) return String(value);
    return typeof value === "object" ? JSON.stringify(value) : String(value).slice(0, 40);
  } catch {
    return typeof value;
  }
}
