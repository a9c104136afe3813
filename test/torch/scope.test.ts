import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  add,
  keep,
  memoryStatistics,
  mul,
  nn,
  ones,
  randn,
  scope,
  type Tensor,
  tensor,
  topk,
  unscoped,
} from "../../lib/torch/index.js";
import { leaked } from "./fixtures.js";

const none = { tensors: 0, bytes: 0 };
const live = () => memoryStatistics().liveTensors;

describe("scope", () => {
  test("frees what was made inside", () => {
    expect(
      leaked(() => {
        scope(() => {
          const a = ones([64, 64]).requiresGrad_();
          for (const part of a.mul(2).split(16)) add(part, 1).relu_();
          topk(a, 3);
        });
      }),
    ).toEqual(none);
  });

  test("frees the graph and the gradients of a backward pass", () => {
    const weight = randn([8, 8]).requiresGrad_();
    weight.grad = randn([8, 8]); // the one that stays
    expect(
      leaked(() => {
        scope(() => {
          weight.mul(weight).sum().backward();
          expect(weight.grad?.isDisposed).toBe(false);
        });
      }),
    ).toEqual(none);
    weight.dispose();
  });

  test("frees also when the function throws", () => {
    const body = () =>
      scope(() => {
        ones([8]);
        throw new Error("mine");
      });
    expect(leaked(() => expect(body).toThrow("mine"))).toEqual(none);
  });

  test("frees also when a getter of the result throws", () => {
    const body = () =>
      scope(() => {
        ones([8]);
        return {
          get lazy(): never {
            throw new Error("mine");
          },
        };
      });
    expect(leaked(() => expect(body).toThrow("mine"))).toEqual(none);
  });

  test("leaves alive what is returned, however deep", () => {
    class Result {
      constructor(readonly tensor: Tensor) {}
    }
    let lost: Tensor | undefined;
    const before = live();
    const result = scope(() => {
      lost = ones([1]);
      const [a, b, c, d] = [1, 2, 3, 4].map((value) => tensor([value])) as [Tensor, Tensor, Tensor, Tensor];
      const list = {
        list: [[a], { b }],
        map: new Map([["c", { c }]]),
        set: new Set([new Result(d)]),
        text: "x",
      };
      return Object.assign(list, { self: list });
    });
    expect(live() - before).toBe(4);
    expect(lost?.isDisposed).toBe(true);
    expect(((result.list[0] as Tensor[])[0] as Tensor).item()).toBe(1);
    expect([...result.set][0]?.tensor.item()).toBe(4);
  });

  test("hands what it returns to the scope around it", () => {
    let inner: Tensor | undefined;
    expect(
      leaked(() => {
        scope(() => {
          inner = scope(() => mul(ones([2]), 3));
          expect(inner.toArray()).toEqual([3, 3]);
        });
      }),
    ).toEqual(none);
    expect(() => inner?.shape).toThrow(
      "Tensor was released when its scope closed. Return it from the scope to keep it.",
    );
  });

  test("does not free what was made outside", () => {
    const outside = ones([2]);
    scope(() => outside.add_(1));
    expect(outside.toArray()).toEqual([2, 2]);
  });

  test("leaves kept tensors to their owner", () => {
    let kept: Tensor | undefined;
    scope(() => {
      kept = keep(ones([2]));
      ones([1]).keep();
    });
    expect(kept?.toArray()).toEqual([1, 1]);
    kept?.dispose();
    expect(kept?.isDisposed).toBe(true);
  });

  test("does not own what unscoped makes", () => {
    const made = scope(() => {
      const state = unscoped(() => ones([2]));
      return () => state;
    });
    expect(made().toArray()).toEqual([1, 1]);
    made().dispose();
  });

  test("leaves a module's parameters to the module", () => {
    const layer = scope(() => new nn.LayerNorm(4));
    expect(scope(() => layer.forward(ones([4])).toArray())).toEqual([0, 0, 0, 0]);
    expect(leaked(() => layer.dispose()).tensors).toBe(-2);
  });
});

describe("asynchronous scopes", () => {
  test("close when the promise settles", async () => {
    const before = live();
    const running = scope(async () => {
      const a = ones([2]);
      await sleep(1);
      return a.add(1);
    });
    expect(live()).toBe(before + 1);
    const result = await running;
    expect(live()).toBe(before + 1);
    expect(result.toArray()).toEqual([2, 2]);
    await expect(
      scope(async () => {
        ones([2]);
        await sleep(1);
        throw new Error("mine");
      }),
    ).rejects.toThrow("mine");
    expect(live()).toBe(before + 1);
  });

  test("that overlap keep their tensors apart", async () => {
    const before = live();
    const worker = (name: number, pauses: number) =>
      scope(async () => {
        const mine = tensor([name]);
        for (let i = 0; i < pauses; i++) {
          const step = scope(() => mine.mul(1));
          await sleep(1);
          mine.copy_(step);
        }
        return mine.item();
      });
    expect(await Promise.all([worker(1, 5), worker(2, 1), worker(3, 3)])).toEqual([1, 2, 3]);
    expect(live()).toBe(before);
  });

  test("hand what they return to the scope around them", async () => {
    const before = live();
    await scope(async () => {
      const inner = await scope(async () => {
        await sleep(1);
        return ones([3]);
      });
      expect(inner.shape).toEqual([3]);
    });
    expect(live()).toBe(before);
  });

  test("that are closed take nothing more from callbacks which outlive them", async () => {
    const late = scope(() => ({ made: sleep(1).then(() => ones([2])) }));
    const made = await late.made;
    expect(made.toArray()).toEqual([1, 1]);
    made.dispose();
  });
});

describe("dispose", () => {
  test("frees one tensor at once, and twice does nothing", () => {
    expect(
      leaked(() => {
        const a = ones([32]);
        a.dispose();
        a.dispose();
        expect([a.isDisposed, String(a)]).toEqual([true, "Tensor (released)"]);
      }),
    ).toEqual(none);
  });

  test("leaves views and other handles of the memory alone", () => {
    const a = ones([4]);
    const view = a.view([2, 2]);
    const same = a.add_(1);
    a.dispose();
    expect([view.sum().item(), same.sum().item()]).toEqual([8, 8]);
  });

  test("comes with `using`, also on a throw", () => {
    const body = () => {
      using a = ones([4]);
      using b = a.add(1);
      throw new Error(String(b.toArray()));
    };
    expect(leaked(() => expect(body).toThrow("2,2,2,2"))).toEqual(none);
  });

  test("makes every later use an error that says so", () => {
    const a = ones([4]);
    a.dispose();
    const message = "Tensor was disposed: expected a live tensor. Use it before dispose().";
    const uses = [
      () => a.shape,
      () => a.dtype,
      () => a.item(),
      () => a.toArray(),
      () => a.sharedArray(),
      () => a.grad,
      () => a.backward(),
      () => a.requiresGrad_(),
    ];
    for (const use of uses) expect(use, String(use)).toThrow(message);
    expect(() => add(ones([4]), a)).toThrow(
      "aten::add.Tensor: argument 'other' (position 2) was disposed. Use it before dispose().",
    );
    const b = ones([4]); // takes the slot of `a`, which stays released
    expect(() => a.shape).toThrow(message);
    expect(b.shape).toEqual([4]);
  });

  test("by a scope is told apart", () => {
    let lost: Tensor | undefined;
    scope(() => {
      lost = ones([1]);
    });
    expect(() => lost?.add(1)).toThrow(
      "aten::add.Scalar: argument 'self' (position 1) was released when its scope closed. Return it from the scope to keep it.",
    );
  });
});
