import { describe, expect, it } from "vitest";
import { ExemplarMemory, Herding } from "../../../lib/methods/shared/exemplars.js";
import * as torch from "../../../lib/torch/index.js";
import { baseline, float } from "../fixtures.js";

describe("Herding", () => {
  const herd = (features: torch.Tensor, count: number) => {
    const herding = new Herding(features);
    return Array.from({ length: count }, () => herding.next());
  };

  it("agrees with a search by its definition in Python", () => {
    const { features, order } = baseline("herding");
    expect(herd(float(features), order.length)).toEqual(order);
  });

  it("ends where there are no more examples", () => {
    expect(() => herd(torch.tensor([[1]]), 2)).toThrow("Herding: all 1 examples were picked.");
  });

  it("picks the examples whose mean stays nearest to the mean of all", () => {
    // docs/specification.md, section 3.4: distances² 0.5778, 0.4444, 0.0444, then 0.1111 against 0.1444.
    const features = torch.tensor([
      [1, 0],
      [0, 1],
      [0.6, 0.8],
    ]);
    expect(herd(features, 2)).toEqual([2, 0]);
    expect(herd(features, 3)).toEqual([2, 0, 1]);
  });
});

describe("ExemplarMemory", () => {
  const images = (count: number, value: number) => torch.full([count, 3, 2, 2], value, { dtype: "uint8" });

  it("shares its budget equally and keeps the best of each task", () => {
    const memory = new ExemplarMemory(10);
    expect(memory.quota(3)).toBe(3);
    memory.add(torch.arange(10, { dtype: "uint8" }).view([10, 1, 1, 1]).expand([10, 3, 2, 2]).clone());
    memory.add(images(5, 100));
    expect(memory.length).toBe(10);
    memory.add(images(3, 200));
    const kept = memory.images();
    expect(Array.from(kept.images.select(1, 0).select(1, 0).select(1, 0).toTypedArray())).toEqual([
      0, 1, 2, 100, 100, 100, 200, 200, 200,
    ]);
    kept.dispose();
    memory.dispose();
  });

  it("comes back from its state", () => {
    const memory = new ExemplarMemory(10);
    memory.add(images(2, 7));
    const copy = new ExemplarMemory(10);
    copy.loadState(memory.state());
    memory.dispose();
    expect(copy.length).toBe(2);
    expect(copy.images().images.max().item()).toBe(7);
  });
});
