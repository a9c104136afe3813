import { describe, expect, test } from "vitest";
import {
  detectAnomaly,
  enableGrad,
  grad,
  inferenceMode,
  isGradEnabled,
  mm,
  noGrad,
  ones,
  sqrt,
  type Tensor,
  tensor,
} from "../../lib/torch/index.js";

const leaf = (values: number[]) => tensor(values, { requiresGrad: true });

describe("backward", () => {
  test("accumulates into the leaves", () => {
    const x = leaf([1, 2, 3]);
    expect(x.grad).toBeUndefined();
    for (const times of [1, 2]) {
      x.mul(x).sum().backward();
      expect(x.grad?.toArray()).toEqual([2, 4, 6].map((value) => value * times));
    }
  });

  test("weighs the outputs by `gradient`, which a scalar alone can do without", () => {
    const x = leaf([1, 2]);
    x.mul(3).backward({ gradient: tensor([1, 10]) });
    expect(x.grad?.toArray()).toEqual([3, 30]);
    expect(() => x.mul(3).backward()).toThrow(
      "backward: grad can be implicitly created only for scalar outputs",
    );
    expect(() => x.mul(3).backward({ gradient: tensor([1, 2, 3]) })).toThrow(
      "got [3] but expected shape compatible with [2]",
    );
  });

  test("frees the graph unless it is retained", () => {
    const x = leaf([2]);
    const y = x.mul(x).sum();
    y.backward({ retainGraph: true });
    y.backward();
    expect(x.grad?.toArray()).toEqual([8]);
    expect(() => y.backward()).toThrow(/backward through the graph a second time/);
  });

  test("can be recorded itself: x⁴ three times", () => {
    const x = leaf([2]);
    const [first] = grad([x.pow(4)], [x], { createGraph: true }) as Tensor[];
    const [second] = grad([first!], [x], { createGraph: true }) as Tensor[];
    second!.backward();
    expect([first!.item(), second!.item(), x.grad?.item()]).toEqual([32, 48, 48]);
  });

  test("accumulates only into the inputs that are named", () => {
    const [a, b] = [leaf([2]), leaf([5])];
    a.mul(b)
      .sum()
      .backward({ inputs: [a] });
    expect(a.grad?.item()).toBe(5);
    expect(b.grad).toBeUndefined();
  });

  test("needs a graph", () => {
    expect(() => tensor(1).backward()).toThrow("backward: element 0 of tensors does not require grad");
  });

  test("notices that a saved value was overwritten", () => {
    const x = leaf([1, 4]);
    const root = sqrt(x.mul(1));
    root.add_(1);
    expect(() => root.sum().backward()).toThrow(
      /modified by an inplace operation.*is at version 1; expected version 0/,
    );
  });

  test("keeps the gradient of a value in between where asked", () => {
    const x = leaf([3]);
    const middle = x.mul(2);
    middle.retainGrad();
    middle.mul(middle).sum().backward();
    expect([middle.isLeaf, middle.grad?.item(), x.grad?.item()]).toEqual([false, 12, 24]);
    expect(() => tensor(1).retainGrad()).toThrow(/can't retain_grad on Tensor that has requires_grad=False/);
  });
});

describe("grad", () => {
  test("returns gradients and accumulates none", () => {
    const [a, b] = [leaf([2, 3]), leaf([4, 5])];
    const [ofA, ofB] = grad([a.mul(b)], [a, b], { gradOutputs: [tensor([1, 2])] });
    expect([ofA?.toArray(), ofB?.toArray()]).toEqual([
      [4, 10],
      [2, 6],
    ]);
    expect(a.grad).toBeUndefined();
  });

  test("is undefined for an unused input, where that is allowed", () => {
    const [a, b] = [leaf([2]), leaf([4])];
    expect(grad([a.mul(2)], [a, b], { allowUnused: true })[1]).toBeUndefined();
    expect(() => grad([a.mul(2)], [a, b])).toThrow(/appears to not have been used in the graph/);
  });
});

describe("requiresGrad", () => {
  test("spreads from leaves to results, and ends at detach", () => {
    const x = leaf([1]);
    const y = x.mul(2);
    expect([x.isLeaf, x.requiresGrad, y.isLeaf, y.requiresGrad]).toEqual([true, true, false, true]);
    const cut = y.detach();
    expect([cut.isLeaf, cut.requiresGrad, cut.isSameStorage(y)]).toEqual([true, false, true]);
    expect(tensor([1]).requiresGrad_().requiresGrad_(false).requiresGrad).toBe(false);
  });

  test("can only be taken from leaves, and needs floating point", () => {
    const y = leaf([1]).mul(2);
    expect(() => y.requiresGrad_(false)).toThrow("you can only change requires_grad flags of leaf variables");
    expect(() => tensor([1n]).requiresGrad_()).toThrow(/floating point/);
  });
});

describe("grad of a tensor", () => {
  test("can be replaced and forgotten", () => {
    const x = leaf([1, 2]);
    x.grad = tensor([5, 6]);
    expect(x.grad?.toArray()).toEqual([5, 6]);
    x.sum().backward();
    expect(x.grad?.toArray()).toEqual([6, 7]);
    x.grad = undefined;
    expect(x.grad).toBeUndefined();
  });

  test("must be like its tensor, and another one", () => {
    const x = leaf([1, 2]);
    expect(() => {
      x.grad = tensor([1]);
    }).toThrow("grad must be like its tensor: expected [2] float on cpu, got [1] float on cpu.");
    expect(() => {
      x.grad = tensor([1, 2], { dtype: "float64" });
    }).toThrow("got [2] double on cpu.");
    expect(() => {
      x.grad = x;
    }).toThrow("grad cannot be its own tensor: expected another one. Pass a clone().");
  });
});

describe.each([
  ["noGrad", noGrad, false],
  ["enableGrad", enableGrad, true],
  ["inferenceMode", inferenceMode, false],
] as const)("%s", (name, mode, isRecording) => {
  test("holds inside and ends with the function, also when it throws", () => {
    const x = leaf([1]);
    expect(mode(() => [isGradEnabled(), x.mul(2).requiresGrad])).toEqual([isRecording, isRecording]);
    expect(() => mode(() => mm(x, x))).toThrow();
    expect(isGradEnabled()).toBe(true);
    expect(x.mul(2).requiresGrad).toBe(true);
  });

  test("refuses asynchronous functions, in whose pauses other code would run", () => {
    expect(() => mode(async () => 1)).toThrow(
      `${name}: expected a synchronous function, got one that returns a promise. Call ${name} inside it instead.`,
    );
    expect(isGradEnabled()).toBe(true);
  });
});

test("modes nest", () => {
  const seen = noGrad(() => [isGradEnabled(), enableGrad(isGradEnabled), isGradEnabled()]);
  expect(seen).toEqual([false, true, false]);
});

test("what inferenceMode makes can never be recorded", () => {
  const made = inferenceMode(() => ones([2]));
  expect(() => made.mul(leaf([1, 2]))).toThrow(/Inference tensors cannot be saved for backward/);
  expect(() => made.requiresGrad_()).toThrow(/inference tensor/);
});

describe("detectAnomaly", () => {
  test("turns a NaN of the backward pass into an error that names the operation", () => {
    const broken = () => {
      const x = leaf([0]);
      sqrt(x).mul(0).sum().backward();
      return x.grad?.item();
    };
    expect(broken()).toBeNaN();
    expect(() => detectAnomaly(broken)).toThrow(/SqrtBackward0.*returned nan values/);
    expect(broken()).toBeNaN();
  });
});
