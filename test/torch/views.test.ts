import { expect, test } from "vitest";
import * as torch from "../../lib/torch/index.js";

// Calls on tensors that autograd knows nothing of leave its layers out; a view must be tracked all the same.

test("a view that the schema does not announce is tracked", () => {
  torch.scope(() => {
    const base = torch.zeros([3]);
    const [view] = torch.callOperator("aten::meshgrid", [base, torch.zeros([1])]) as torch.Tensor[];
    const weight = torch.tensor([2], { requiresGrad: true });
    (view as torch.Tensor).add_(weight);
    expect(base.requiresGrad).toBe(true);
  });
});

test("a view of a plain tensor is tracked when something differentiable is written to it", () => {
  torch.scope(() => {
    const base = torch.zeros([2, 2]);
    const row = base.select(0, 1);
    const weight = torch.tensor([3], { requiresGrad: true });
    row.add_(weight);
    base.sum().backward();
    expect((weight.grad as torch.Tensor).toArray()).toEqual([2]);
  });
});

test("results of functional operators can require gradients later", () => {
  torch.scope(() => {
    const leaf = torch.add(torch.ones([2]), torch.ones([2])).requiresGrad_();
    leaf.mul(leaf).sum().backward();
    expect((leaf.grad as torch.Tensor).toArray()).toEqual([4, 4]);
  });
});
