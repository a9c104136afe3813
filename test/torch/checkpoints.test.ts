import { describe, expect, test } from "vitest";
import {
  autocast,
  Checkpoints,
  generator,
  mm,
  noGrad,
  ones,
  rand,
  randn,
  scope,
  type Tensor,
} from "../../lib/torch/index.js";
import { leaked } from "./fixtures.js";

const random = generator(5);
const weights = [1, 2, 3, 4].map(() => randn([4, 4], { generator: random }));
const x = randn([3, 4], { generator: random });
const layer = (weight: Tensor) => (input: Tensor) => mm(input, weight).tanh();

/** Value and gradients of four layers and an input, with or without checkpoints. */
function gradients(
  checkpoints: Checkpoints | undefined,
  forward: (input: Tensor, leaves: Tensor[]) => Tensor,
) {
  return scope(() => {
    const leaves = weights.map((weight) => weight.clone().requiresGrad_());
    const input = x.clone().requiresGrad_();
    const loss = forward(input.mul(2), leaves).square().sum();
    loss.backward();
    checkpoints?.backward();
    return [loss.item(), ...[input, ...leaves].map((leaf) => leaf.grad!.toArray())];
  });
}

const plain = (input: Tensor, leaves: Tensor[]) =>
  leaves.reduce((hidden, leaf) => layer(leaf)(hidden), input);
const perLayer = (checkpoints: Checkpoints) => (input: Tensor, leaves: Tensor[]) =>
  leaves.reduce((hidden, leaf) => checkpoints.run(hidden, layer(leaf)), input);

describe("Checkpoints", () => {
  test("change neither values nor gradients", () => {
    const checkpoints = new Checkpoints();
    expect(gradients(checkpoints, perLayer(checkpoints))).toEqual(gradients(undefined, plain));
  });

  test("may be within each other, and beside plain layers", () => {
    const checkpoints = new Checkpoints();
    const nested = (input: Tensor, [a, b, c, d]: Tensor[]) => {
      const inner = checkpoints.run(input, (outer) => layer(b!)(checkpoints.run(outer, layer(a!))));
      return checkpoints.run(layer(c!)(inner), layer(d!));
    };
    expect(gradients(checkpoints, nested)).toEqual(gradients(undefined, plain));
  });

  test("compute a part again, once", () => {
    const checkpoints = new Checkpoints();
    let calls = 0;
    gradients(checkpoints, (input, leaves) =>
      checkpoints.run(input, (again) => {
        calls++;
        return plain(again, leaves);
      }),
    );
    expect(calls).toBe(2);
  });

  test("draw the same numbers again, and leave the generator where it was", () => {
    const dropout = (source = generator(9)) => {
      const checkpoints = new Checkpoints([source]);
      const forward = (run: Checkpoints["run"]) => (input: Tensor, leaves: Tensor[]) =>
        leaves.reduce(
          (hidden, leaf) =>
            run(hidden, (given) => layer(leaf)(given).mul(rand([3, 4], { generator: source }).gt(0.3))),
          input,
        );
      const checked = gradients(
        checkpoints,
        forward((input, part) => checkpoints.run(input, part)),
      );
      return { checked, next: rand([1], { generator: source }).item(), forward };
    };
    const { checked, next } = dropout();
    const source = generator(9);
    const { forward } = dropout(source);
    source.seed = 9;
    expect(
      gradients(
        undefined,
        forward((input, part) => part(input)),
      ),
    ).toEqual(checked);
    expect(rand([1], { generator: source }).item()).toBe(next);
  });

  test("compute again in the precision of the forward pass", () => {
    const dtypes: string[] = [];
    const checkpoints = new Checkpoints();
    scope(() => {
      const weight = ones([4, 4]).requiresGrad_();
      const part = (input: Tensor) => {
        const product = mm(input, weight);
        dtypes.push(product.dtype);
        return product;
      };
      autocast({}, () => checkpoints.run(x, part))
        .float()
        .sum()
        .backward();
      checkpoints.run(x, part).sum().backward();
      checkpoints.backward();
    });
    expect(dtypes).toEqual(["bfloat16", "float32", "float32", "bfloat16"]);
  });

  test("are nothing where no gradients are recorded, or none arrive", () => {
    const checkpoints = new Checkpoints();
    let calls = 0;
    const part = (input: Tensor) => {
      calls++;
      return input.mul(2);
    };
    expect(noGrad(() => checkpoints.run(x, part)).requiresGrad).toBe(false);
    checkpoints.run(x, part);
    checkpoints.backward();
    expect(calls).toBe(2);
  });

  test("leave nothing in memory", () => {
    const checkpoints = new Checkpoints();
    expect(leaked(() => void gradients(checkpoints, perLayer(checkpoints)))).toEqual({
      tensors: 0,
      bytes: 0,
    });
  });
});
