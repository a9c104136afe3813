import { describe, expect, test } from "vitest";
import {
  cuda,
  dropout,
  Generator,
  generator,
  manualSeed,
  memoryStatistics,
  numThreads,
  ones,
  randn,
  randperm,
  setNumThreads,
  tensor,
  version,
} from "../../lib/torch/index.js";
import { leaked } from "./fixtures.js";
import { needsCuda, withoutCuda } from "./needs.js";

describe("Generator", () => {
  test("gives the same numbers for the same seed, and others for another", () => {
    const draw = (seed: number | bigint) => randn([5], { generator: generator(seed) }).toArray();
    expect(draw(7)).toEqual(draw(7n));
    expect(draw(7)).not.toEqual(draw(8));
    expect(generator(2n ** 64n - 1n).seed).toBe(2n ** 64n - 1n);
  });

  test("begins anew when its seed is set", () => {
    const source = generator(1);
    const first = randperm(20, { generator: source }).toArray();
    expect(randperm(20, { generator: source }).toArray()).not.toEqual(first);
    source.seed = 1;
    expect(randperm(20, { generator: source }).toArray()).toEqual(first);
  });

  test("goes on from a saved state", () => {
    const source = generator(3);
    randn([3], { generator: source });
    const state = source.state;
    const wanted = randn([64], { generator: source }).toArray();
    const other = generator(99);
    other.state = state;
    expect(randn([64], { generator: other }).toArray()).toEqual(wanted);
    expect(other.seed).toBe(3n);
    expect(state.dtype).toBe("uint8");
  });

  test("refuses seeds and states that are none", () => {
    const wanted = "expected a seed that is a whole number from 0 to 2^53 - 1, or a bigint.";
    for (const seed of [-1, 0.5, Number.NaN, 2 ** 60, "1", null]) {
      expect(() => generator(seed as number), String(seed)).toThrow(wanted);
    }
    expect(() => generator(-1n)).toThrow("expected a seed from 0 to 2^64 - 1, got a bigint outside of it.");
    expect(() => manualSeed(1.5)).toThrow(`manualSeed: ${wanted}`);
    const source = generator(1);
    expect(() => {
      source.state = tensor([1, 2]);
    }).toThrow(/RNG state/);
    expect(() => {
      source.state = tensor(new Uint8Array(4));
    }).toThrow(/RNG state/);
    expect(source.seed).toBe(1n);
  });

  test("says that there is no CUDA", withoutCuda, () => {
    expect(() => generator(1, "cuda")).toThrow(
      "expected a device of this machine, got 'cuda', but there is no CUDA device that this libtorch can use.",
    );
  });
});

test("manualSeed seeds what draws without a generator", () => {
  const draw = () => [randn([4]).toArray(), dropout(ones([16]), 0.5, true).toArray()];
  manualSeed(5);
  const first = draw();
  expect(draw()).not.toEqual(first);
  manualSeed(5);
  expect(draw()).toEqual(first);
  expect(Generator.default().seed).toBe(5n);
});

describe("runtime", () => {
  test("computes on as many threads as the environment asks for", () => {
    expect(numThreads()).toBe(Number(process.env.OMP_NUM_THREADS)); // which vitest.config.ts sets
  });

  test("sets the threads of an operator", () => {
    const before = numThreads();
    setNumThreads(2);
    expect(numThreads()).toBe(2);
    setNumThreads(before);
    for (const threads of [0, -1, 1.5, Number.NaN, 1e9]) {
      expect(() => setNumThreads(threads)).toThrow("expected a number of threads from 1 to 4096");
    }
    expect(numThreads()).toBe(before);
  });

  test("counts tensors, and the memory of views once", () => {
    const made = leaked(() => {
      const a = ones([256]);
      a.view([16, 16]).select(0, 3);
      a.add_(1);
    });
    expect(made).toEqual({ tensors: 4, bytes: 1024 });
    expect(memoryStatistics().liveTensors).toBeGreaterThanOrEqual(4);
  });

  test("knows the version of libtorch", () => expect(version()).toMatch(/^\d+\.\d+\.\d+/));

  test("has no CUDA functions without a device", withoutCuda, () => {
    expect(cuda.deviceCount()).toBe(0);
    for (const call of [cuda.synchronize, cuda.memory, cuda.resetPeakMemory]) {
      expect(() => call()).toThrow(
        "expected one of 0 CUDA devices, got number 0. Run `codyra doctor` to see the devices.",
      );
    }
    expect(() => ones([1], { device: "cuda" })).toThrow("there is no CUDA device that this libtorch can use");
  });

  test("reports the memory of a CUDA device", needsCuda, () => {
    const before = cuda.memory().allocatedBytes;
    using a = ones([1 << 20], { device: "cuda" });
    cuda.synchronize();
    expect(cuda.memory().allocatedBytes - before).toBeGreaterThanOrEqual(4 << 20);
    expect(a.device).toBe("cuda:0");
  });
});
