import { describe, expect, it } from "vitest";
import { fusion } from "../../../lib/methods/shared/analytic-head.js";
import { KernelRidge, RecursiveRidge } from "../../../lib/methods/shared/ridge.js";
import * as torch from "../../../lib/torch/index.js";
import { expectClose } from "../../clip/fixtures.js";
import { baseline, float } from "../fixtures.js";

const labels = (...values: number[]) => torch.tensor(values, { dtype: "int64" });

describe("RecursiveRidge", () => {
  it("agrees with the example of docs/specification.md, section 5.1", () => {
    const ridge = new RecursiveRidge({ lambda: 1 });
    ridge.learn(torch.tensor([[1]]), labels(0), 1);
    expect(ridge.state().tensors.get("ridge.inverse")!.item()).toBeCloseTo(0.5, 12);
    ridge.learn(torch.tensor([[2]]), labels(1), 2);
    expect(ridge.state().tensors.get("ridge.inverse")!.item()).toBeCloseTo(1 / 6, 12);
    expectClose(ridge.scores(torch.tensor([[1]])), torch.tensor([[1 / 6, 1 / 3]]), { rtol: 0, atol: 1e-6 });
  });

  it.each([[[300]], [[100, 200]], [[1, 150, 149]], [[128, 128, 44]], [Array(20).fill(15)]])(
    "equals the joint ridge regression, learned in parts of %j",
    (sizes) => {
      const random = torch.generator(3);
      const features = torch.randn([300, 40], { generator: random }).relu();
      const classes = torch.randint(10, [300], { generator: random, dtype: "int64" }).toTypedArray();
      const sorted = torch.tensor(
        Array.from(classes, Number).sort((a, b) => a - b),
        { dtype: "int64" },
      );
      const ridge = new RecursiveRidge({ lambda: 0.1 });
      let start = 0;
      for (const size of sizes) {
        const part = sorted.narrow(0, start, size);
        ridge.learn(features.narrow(0, start, size), part, Number(part.max().item()) + 1);
        start += size;
      }
      const phi = features.to({ dtype: "float64" });
      const targets = sorted
        .unsqueeze(1)
        .eq(torch.arange(10, { dtype: "int64" }))
        .to({ dtype: "float64" });
      const gram = phi
        .t()
        .mm(phi)
        .add(torch.eye(40, { dtype: "float64" }).mul(0.1));
      const joint = torch.linalgSolve(gram, phi.t().mm(targets));
      expectClose(ridge.scores(features), phi.mm(joint).float(), { rtol: 0, atol: 1e-5 });
    },
  );

  it("goes on from its state", () => {
    const random = torch.generator(4);
    const features = torch.randn([20, 6], { generator: random });
    const ridge = new RecursiveRidge({ lambda: 0.1 });
    ridge.learn(features.narrow(0, 0, 10), labels(...Array(10).fill(0)), 1);
    const resumed = new RecursiveRidge({ lambda: 0.1 });
    resumed.loadState(ridge.state());
    for (const each of [ridge, resumed])
      each.learn(features.narrow(0, 10, 10), labels(...Array(10).fill(1)), 2);
    expect(resumed.scores(features).equal(ridge.scores(features))).toBe(true);
  });
});

describe("against PyTorch", () => {
  const int = (values: number[]) => torch.tensor(values, { dtype: "int64" });

  it("the recursion gives what the published one gives, and ridge regression on everything at once", () => {
    const { features, labels, queries, primal, joint } = baseline("rail");
    const ridge = new RecursiveRidge({ lambda: 0.1 });
    ridge.learn(float(features.slice(0, 90)), int(labels.slice(0, 90)), 3);
    ridge.learn(float(features.slice(90)), int(labels.slice(90)), 5);
    // Features arrive in float32.
    for (const wanted of [primal, joint]) expectClose(ridge.scores(float(queries)), float(wanted));
  });

  it("the kernel's solution is that of an inverse", () => {
    const { plainFeatures, labels, plainQueries, dual } = baseline("rail");
    const kernel = new KernelRidge({ lambda: 0.001, gamma: 0.1 });
    kernel.learn(float(plainFeatures.slice(0, 90)), int(labels.slice(0, 90)), 3);
    kernel.learn(float(plainFeatures.slice(90)), int(labels.slice(90)), 5);
    // λ is a hundred-thousandth of the Gram matrix: rounding of the features to float32 is multiplied.
    expectClose(kernel.scores(float(plainQueries)), float(dual), { rtol: 1e-5, atol: 5e-5 });
  });

  it("fusion mixes where the best guess is a learned class", () => {
    const { primal, probabilities, fused } = baseline("rail");
    const group = (name: string, count: number) => ({
      name,
      classes: Array.from({ length: count }, (_, i) => `${name} ${i}`),
      templates: ["{}"],
    });
    const groups = [group("a", 3), group("b", 2), group("unseen", 1)];
    const mix = fusion({ groups }, { a: [0, 3], b: [3, 2] }, 0.8, "cpu");
    expectClose(mix(float(probabilities), float(primal)), float(fused), { rtol: 1e-5, atol: 1e-6 });
  });
});

describe("KernelRidge", () => {
  it("agrees with the example of docs/specification.md, section 5.2", () => {
    const kernel = new KernelRidge({ lambda: 0.001, gamma: 0.1 });
    kernel.learn(torch.tensor([[1, 0]]), labels(0), 1);
    kernel.learn(torch.tensor([[0, 1]]), labels(1), 2);
    const expected = torch.tensor([
      [0.41429, 0.62098],
      [0.99698, 0.00247],
    ]);
    const queries = torch.tensor([
      [0.6, 0.8],
      [1, 0],
    ]);
    expectClose(kernel.scores(queries), expected, { rtol: 0, atol: 1e-5 });
  });

  it("gives the same bits whether it learns one task or two, or solves again from its memory", () => {
    const random = torch.generator(6);
    const features = torch.randn([30, 5], { generator: random });
    const classes = labels(...Array.from({ length: 30 }, (_, i) => Math.floor(i / 10)));
    const [once, twice] = [0, 0].map(() => new KernelRidge({ lambda: 0.001, gamma: 0.1 })) as [
      KernelRidge,
      KernelRidge,
    ];
    once.learn(features, classes, 3);
    twice.learn(features.narrow(0, 0, 20), classes.narrow(0, 0, 20), 2);
    expect(twice.scores(features).shape).toEqual([30, 2]); // solved, and solved anew after the next task
    twice.learn(features.narrow(0, 20, 10), classes.narrow(0, 20, 10), 3);
    expect(twice.scores(features).equal(once.scores(features))).toBe(true);
  });

  it("gives the same after its state was loaded", () => {
    const random = torch.generator(5);
    const features = torch.randn([8, 4], { generator: random });
    const kernel = new KernelRidge({ lambda: 0.001, gamma: 0.1 });
    kernel.learn(features, labels(0, 1, 2, 0, 1, 2, 0, 1), 3);
    const resumed = new KernelRidge({ lambda: 0.001, gamma: 0.1 });
    resumed.loadState(kernel.state());
    expect(resumed.scores(features).equal(kernel.scores(features))).toBe(true);
  });
});

describe("fusion", () => {
  const group = (name: string, ...classes: string[]) => ({ name, classes, templates: ["{}"] });

  it("lets the regression speak where CLIP's best guess is a learned class", () => {
    const mix = fusion({ groups: [group("a", "x", "y"), group("b", "z")] }, { a: [0, 2] }, 0.8, "cpu");
    const probabilities = torch.tensor([
      [0.5, 0.3, 0.2],
      [0.2, 0.3, 0.5],
    ]);
    const scores = torch.tensor([
      [0.1, 0.9],
      [0.1, 0.9],
    ]);
    const expected = torch.tensor([
      [0.18, 0.78, 0.04],
      [0.2, 0.3, 0.5],
    ]);
    expectClose(mix(probabilities, scores), expected, { rtol: 0, atol: 1e-6 });
  });

  it("takes the columns of the dataset when it is known", () => {
    const mix = fusion({ groups: [group("b", "z", "u")] }, { a: [0, 1], b: [1, 2] }, 0.5, "cpu");
    const mixed = mix(torch.tensor([[0.6, 0.4]]), torch.tensor([[9, 0, 1]]));
    expectClose(mixed, torch.tensor([[0.3, 0.7]]), { rtol: 0, atol: 1e-6 });
  });
});
