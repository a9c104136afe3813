import { beforeAll, describe, expect, it } from "vitest";
import { callOperator, type DType, empty, manualSeed, scope, type Tensor } from "../../../lib/torch/index.js";
import { expectRounded, randomTensor } from "./compare.js";
import { type Argument, compileKernel, needsEmulator, runKernel, type Scalar, scalars } from "./emulator.js";

/** One linear layer: W [P·d, k], A [P, r, k], B [P, d, r] and w [P, r]. */
interface Layer {
  readonly shape: readonly [projections: number, outFeatures: number, inFeatures: number, rank: number];
  readonly tensors: readonly [weight: Tensor, loraA: Tensor, loraB: Tensor, importance: Tensor];
}

// A tile has 64 × 256 elements and 16 ranks, a pack 4 columns.
const shapes = [
  [1, 1, 1, 1],
  [3, 65, 20, 5],
  [1, 64, 256, 16],
  [2, 70, 259, 17],
  [1, 5, 300, 33],
] as const;

function layerOf(shape: Layer["shape"], dtype: DType): Layer {
  const [p, d, k, r] = shape;
  const importance = randomTensor([p, r], dtype);
  importance.select(1, r - 1).zero_();
  return {
    shape,
    tensors: [
      randomTensor([p * d, k], dtype),
      randomTensor([p, r, k], dtype),
      randomTensor([p, d, r], dtype),
      importance,
    ],
  };
}

const columns = (layers: readonly Layer[], change = (tensor: Tensor) => tensor) =>
  [0, 1, 2, 3].map((i) => layers.map(({ tensors }) => change(tensors[i]!)));
const exact = (tensor: Tensor) => tensor.clone().to({ dtype: "float64" });

/** On the CPU in float64. */
const expected = (layers: readonly Layer[]) =>
  callOperator("codyra::effective_weights", ...columns(layers, exact)) as Tensor[];

/** The sizes of the terms of each sum. */
const magnitudes = (layers: readonly Layer[]) =>
  callOperator("codyra::effective_weights", ...columns(layers, (tensor) => exact(tensor).abs())) as Tensor[];

const numbersOf = (layers: readonly Layer[]) => layers.flatMap(({ shape }) => shape);

function emulated(program: string, layers: readonly Layer[], dtype: DType, order: number): Tensor[] {
  const results = layers.map(({ tensors }) => empty(tensors[0].shape, { dtype }));
  const args = layers.flatMap(({ tensors: [weight, ...factors] }, i): Argument[] => [
    { tensor: weight },
    { tensor: results[i]! },
    ...factors.map((tensor) => ({ tensor })),
    null,
  ]);
  return runKernel(program, [order, false, layers.length, ...numbersOf(layers)], args, results);
}

/** In place, without the ranks of importance zero. @returns the weights, and how many ranks were left */
function merged(
  program: string,
  layers: readonly Layer[],
  offset: number,
): { weights: Tensor[]; ranks: Tensor[] } {
  const counts = layers.map(({ shape }) => empty([shape[0]], { dtype: "int64" }));
  const args = layers.flatMap(({ tensors: [weight, ...factors] }, i): Argument[] => [
    { tensor: weight, offset },
    null,
    ...factors.map((tensor) => ({ tensor })),
    { tensor: counts[i]! },
  ]);
  const results = layers.flatMap(({ tensors }, i) => [tensors[0], counts[i]!]);
  const after = runKernel(program, [0, true, layers.length, ...numbersOf(layers)], args, results);
  return { weights: after.filter((_, i) => i % 2 === 0), ranks: after.filter((_, i) => i % 2 === 1) };
}

describe("effective_weights on emulated CUDA", needsEmulator, () => {
  const names = Object.keys(scalars) as Scalar[];
  const pairs = names.flatMap((weight) => names.map((result) => [weight, result] as const));

  it.each(pairs)("from %s to %s is the CPU's operator on layers of many shapes", async (weight, result) => {
    const program = await compileKernel("effective_weights", {
      WEIGHT: weight,
      RESULT: result,
      ADAPTER: weight,
    });
    scope(() => {
      manualSeed(1);
      const layers = shapes.map((shape) => layerOf(shape, scalars[weight]));
      const [wanted, magnitude] = [expected(layers), magnitudes(layers)];
      // A sum in float32 is rounded to the result's dtype, even if that is float64.
      const compared = weight === "double" ? scalars[result] : "float32";
      for (const order of [0, 1]) {
        for (const [i, actual] of emulated(program, layers, scalars[result], order).entries()) {
          const value = actual.dtype === "float64" ? actual.to({ dtype: compared }) : actual;
          expectRounded(value, wanted[i]!, { what: `layer ${i}`, magnitude: magnitude[i]! });
        }
      }
    });
  });

  describe.each(names)("merging in %s", (name) => {
    const dtype = scalars[name];
    let program = "";
    beforeAll(async () => {
      program = await compileKernel("effective_weights", { WEIGHT: name, RESULT: name, ADAPTER: name });
    });

    it("is the CPU's operator, aligned or not, and counts ranks", () => {
      scope(() => {
        manualSeed(2);
        const layers = shapes.map((shape) => layerOf(shape, dtype));
        const magnitude = magnitudes(layers);
        const [weights, ...factors] = columns(layers, exact) as [Tensor[], Tensor[], Tensor[], Tensor[]];
        const ranks = callOperator("codyra::merge_all_ranks_", weights, ...factors) as Tensor;
        const itemBytes = layers[0]!.tensors[0].toTypedArray().BYTES_PER_ELEMENT;
        for (const offset of [0, itemBytes]) {
          const after = merged(program, layers, offset);
          for (const [i, weight] of after.weights.entries())
            expectRounded(weight, weights[i]!, { what: `layer ${i}`, magnitude: magnitude[i]! });
          expect(after.ranks.flatMap((counts) => counts.toArray())).toEqual(ranks.toArray());
        }
      });
    });

    it("leaves out what overflowed in a rank of importance zero", () => {
      scope(() => {
        const layer = layerOf([1, 3, 6, 2], dtype);
        const [weight, loraA, loraB] = layer.tensors;
        loraA.select(1, 1).fill_(Number.POSITIVE_INFINITY);
        loraB.select(2, 1).fill_(Number.NaN);
        expect(merged(program, [layer], 0).weights[0]!.isfinite().all().item()).toBe(true);
        expect(weight.isfinite().all().item()).toBe(true);
      });
    });
  });
});
