import { describe, expect, test } from "vitest";
import { mul, ones, optim, scope, type Tensor, tensor } from "../../lib/torch/index.js";
import { newer } from "../methods/fixtures.js";
import { expectClose, leaked, readFixture, restore, type SavedTensor } from "./fixtures.js";

interface Fixture {
  readonly steps: number;
  readonly warmup: number;
  readonly rate: number;
  readonly start: SavedTensor[];
  readonly target: SavedTensor[];
  /** The learning rate of each step, and the parameters after it. */
  readonly cases: { name: string; rates: number[]; path: SavedTensor[][] }[];
}

const { AdamW, Sgd, cosineSchedule, oneCycleSchedule } = optim;
const { steps, warmup, rate, start, target, cases } = readFixture<Fixture>("optimizers.json");

/** How each case of `fixtures/make.py` is written here. */
const makers: Record<string, (parameters: Tensor[]) => optim.Optimizer> = {
  AdamW: (parameters) =>
    new AdamW(parameters, { learningRate: rate, betas: [0.8, 0.95], eps: 1e-6, weightDecay: 0.1 }),
  "AdamW by default": (parameters) => new AdamW(parameters, { learningRate: undefined, eps: undefined }),
  SGD: (parameters) => new Sgd(parameters, { learningRate: rate }),
  "SGD with momentum": (parameters) =>
    new Sgd(parameters, { learningRate: rate, momentum: 0.9, weightDecay: 0.1 }),
};

/** One backward pass of `Σ target · cos(parameter)`. */
function descend(parameters: Tensor[], goals: Tensor[]): void {
  for (const [i, parameter] of parameters.entries()) mul(goals[i]!, parameter.cos()).sum().backward();
}

function leaves(): { parameters: Tensor[]; goals: Tensor[] } {
  return { parameters: start.map((saved) => restore(saved).requiresGrad_()), goals: target.map(restore) };
}

describe("ten steps agree with PyTorch:", () => {
  test("every case is run", () => {
    expect(Object.keys(makers)).toEqual(cases.map(({ name }) => name));
  });

  test.each(cases)("$name, with warm-up and cosine decay", ({ name, rates, path }) => {
    const { parameters, goals } = leaves();
    const optimizer = makers[name]!(parameters);
    const schedule = cosineSchedule({ learningRate: rate, total: steps, warmup });
    for (const [step, wanted] of path.entries()) {
      optimizer.learningRate = schedule(step);
      expect(optimizer.learningRate).toBeCloseTo(rates[step]!, 12);
      optimizer.zeroGrad({ setToNone: step % 2 === 0 });
      descend(parameters, goals);
      optimizer.step();
      for (const [i, parameter] of parameters.entries())
        expectClose(parameter, wanted[i]!, `step ${step}, parameter ${i}`);
    }
  });
});

describe.each(Object.entries(makers))("%s", (_, make) => {
  test("goes on identically from its saved state", () => {
    const { parameters, goals } = leaves();
    const run = (optimizer: optim.Optimizer, count: number) => {
      for (let i = 0; i < count; i++) {
        optimizer.zeroGrad();
        descend(parameters, goals);
        optimizer.step();
      }
    };
    const first = make(parameters);
    run(first, 3);
    const saved = new Map(Array.from(first.state(), ([name, value]) => [name, value.clone()]));
    const middle = parameters.map((parameter) => parameter.detach().clone());
    run(first, 3);
    const wanted = parameters.map((parameter) => parameter.toArray());
    for (const [i, parameter] of parameters.entries()) parameter.detach().copy_(middle[i]!);
    const second = make(parameters);
    second.loadState(saved);
    run(second, 3);
    expect(parameters.map((parameter) => parameter.toArray())).toEqual(wanted);
  });

  test("leaves parameters without a gradient alone, and nothing behind", () => {
    const used = ones([3]).requiresGrad_();
    const unused = ones([2]).requiresGrad_();
    const optimizer = make([unused, used]);
    used.sum().backward();
    expect(leaked(() => optimizer.step())).toEqual({ tensors: 0, bytes: 0 });
    expect(unused.toArray()).toEqual([1, 1]);
    expect(used.toArray()).not.toEqual([1, 1, 1]);
    optimizer.dispose();
    expect([...optimizer.state().values()].every((value) => value.isDisposed)).toBe(true);
  });

  test("keeps its state when it is made in a scope", () => {
    const parameter = ones([2]).requiresGrad_();
    const optimizer = scope(() => make([parameter]));
    parameter.sum().backward();
    optimizer.step();
    expect(parameter.isDisposed).toBe(false);
  });
});

describe("Optimizer", () => {
  test("needs parameters", () => {
    expect(() => new AdamW([])).toThrow(
      "Optimizer: expected at least one parameter, got none. Pass model.parameters().",
    );
  });

  test("refuses the state of another one", () => {
    const optimizer = new AdamW([ones([2]), ones([3])]);
    expect(() => optimizer.loadState(new Map())).toThrow("Optimizer state lacks '0.first'.");
    const other = new AdamW([ones([1]), ones([3])]).state();
    expect(() => optimizer.loadState(other)).toThrow(
      "Optimizer state '0.first' has shape [1], expected [2].",
    );
  });

  test("forgets gradients, or fills them with zeros where they are", () => {
    const parameter = ones([2]).requiresGrad_();
    const optimizer = new Sgd([parameter], { learningRate: 1 });
    parameter.sum().backward();
    const held = parameter.grad!;
    optimizer.zeroGrad({ setToNone: false });
    expect([held.toArray(), parameter.grad?.isSameStorage(held)]).toEqual([[0, 0], true]);
    optimizer.zeroGrad();
    expect(parameter.grad).toBeUndefined();
  });
});

describe("oneCycleSchedule", () => {
  const closeTo = (value: number) => expect.closeTo(value, 7);

  test("agrees with the values of docs/specification.md, section 6", () => {
    const schedule = oneCycleSchedule({ learningRate: 1e-3, total: 100 });
    const rates = { 0: 4e-5, 14: 4.94e-4, 29: 1e-3, 64: 5e-4, 99: 4e-9 };
    for (const [step, rate] of Object.entries(rates))
      expect(schedule(Number(step)).learningRate / rate, step).toBeCloseTo(1, 3);
    const betas = [0, 14, 29, 99].map((step) => schedule(step).beta1);
    expect(betas).toEqual([closeTo(0.95), expect.closeTo(0.90271, 5), closeTo(0.85), closeTo(0.95)]);
  });

  test.each(Object.entries(newer.schedule as Record<string, number[][]>))(
    "agrees with PyTorch's in %s steps",
    (total, wanted) => {
      const schedule = oneCycleSchedule({ learningRate: 1e-3, total: Number(total) });
      for (const [step, [rate, beta1]] of wanted.entries()) {
        const found = schedule(step);
        expect(found.learningRate / rate!).toBeCloseTo(1, 9);
        expect(found.beta1).toBeCloseTo(beta1!, 12);
      }
    },
  );

  test("refuses a cycle of no steps", () => {
    expect(() => oneCycleSchedule({ learningRate: 1, total: 0 })).toThrow(
      "oneCycleSchedule: expected a total of 1 step or more, got 0.",
    );
  });
});

describe("cosineSchedule", () => {
  test("falls to a minimum where there is one", () => {
    const schedule = cosineSchedule({ learningRate: 3, total: 4, minimum: 1 });
    expect([0, 2, 4].map(schedule)).toEqual([3, expect.closeTo(2, 12), 1]);
  });

  test("rises to the full rate and falls towards zero", () => {
    const schedule = cosineSchedule({ learningRate: 2, total: 6, warmup: 2 });
    expect([0, 1, 2, 4].map(schedule)).toEqual([1, 2, 2, expect.closeTo(1, 12)]);
    expect(schedule(5)).toBeCloseTo(1 - Math.SQRT1_2, 12);
    expect(cosineSchedule({ learningRate: 1, total: 4 })(0)).toBe(1);
  });

  test("agrees with the values of docs/specification.md, section 3.3", () => {
    const full = cosineSchedule({ learningRate: 1e-5, total: 1000, warmup: 100 });
    const rates = [0, 49, 99, 100, 550, 1000].map(full);
    for (const [i, rate] of [1e-7, 5e-6, 1e-5, 1e-5, 5e-6, 0].entries())
      expect(rates[i]).toBeCloseTo(rate, 12);
    const few = cosineSchedule({ learningRate: 1e-5, total: 500, warmup: 100 });
    expect(few(300)).toBeCloseTo(5e-6, 12);
    expect(few(500)).toBeCloseTo(0, 12);
  });

  test("refuses a warm-up as long as everything", () => {
    expect(() => cosineSchedule({ learningRate: 1, total: 5, warmup: 5 })).toThrow(
      "cosineSchedule: expected 0 ≤ warmup < total, got warmup 5 and total 5.",
    );
  });
});

test("`using` releases an optimiser's state", () => {
  const x = tensor([1, 2], { requiresGrad: true });
  const left = leaked(() => {
    using optimizer = new AdamW([x], { learningRate: 0.5, weightDecay: 0 });
    expect(optimizer.state().size).toBeGreaterThan(0);
  });
  expect(left).toEqual({ tensors: 0, bytes: 0 });
});

test("a scalar parameter learns", () => {
  const x = tensor(3, { requiresGrad: true });
  const optimizer = new AdamW([x], { learningRate: 0.5, weightDecay: 0 });
  for (let i = 0; i < 100; i++) {
    scope(() => {
      optimizer.zeroGrad();
      x.mul(x).backward();
      optimizer.step();
    });
  }
  expect(Math.abs(x.item())).toBeLessThan(0.2);
});

describe("what would spoil or miss the parameters is refused:", () => {
  const one = () => [tensor([1], { requiresGrad: true })];
  test.each<[string, () => unknown, string]>([
    ["a negative rate", () => new AdamW(one(), { learningRate: -1 }), "at least 0 as learningRate, got -1"],
    ["a rate that is missing", () => new Sgd(one(), {} as never), "as learningRate, got undefined"],
    ["NaN", () => new AdamW(one(), { eps: Number.NaN }), "as eps, got NaN"],
    ["a β of 1", () => new AdamW(one(), { betas: [0.9, 1] }), "0 ≤ betas[1] < 1 as betas[1], got 1"],
    ["negative momentum", () => new Sgd(one(), { learningRate: 1, momentum: -1 }), "as momentum, got -1"],
    ["one tensor", () => new AdamW(one()[0] as never), "AdamW: expected an array of tensors, got object."],
    ["a number", () => new AdamW([1] as never), "expected a tensor as parameter 0, got number"],
    [
      "a result",
      () => new Sgd([mul(one()[0]!, 2)], { learningRate: 1 }),
      "expected leaves, got the result of",
    ],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(message);
  });
});
