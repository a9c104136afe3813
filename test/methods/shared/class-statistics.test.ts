import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ClassStatistics, driftMap } from "../../../lib/methods/shared/class-statistics.js";
import { generator, memoryStatistics, nn, randn, type Tensor, tensor } from "../../../lib/torch/index.js";

// Computed by fixtures/make-statra.py in float64; ours keeps float32, so 1e-5 is a hundred times its epsilon.
const { statistics: expected, drift } = JSON.parse(
  readFileSync(new URL("../fixtures/statra.json", import.meta.url), "utf8"),
);
const int64 = (values: number[]) => tensor(values, { dtype: "int64" });
const apart = (actual: Tensor, values: number[]) => actual.sub(tensor(values)).abs().max().item();

type Dataset = { features: number[]; labels: number[]; classes: number };

function learned(kind: "shared" | "diagonal" | "none"): ClassStatistics {
  const statistics = new ClassStatistics(kind);
  for (const [i, { features, labels, classes }] of (expected.datasets as Dataset[]).entries()) {
    const group = {
      name: `dataset ${i}`,
      classes: Array.from({ length: classes }, (_, c) => `${i}.${c}`),
      templates: ["a {}.", "the {}."],
    };
    statistics.learn(group, tensor(features), int64(labels));
  }
  return statistics;
}

describe("ClassStatistics", () => {
  it("keeps means of classes and the covariance of all images within their classes", () => {
    const statistics = learned("shared");
    expect(apart(statistics.means!, expected.means)).toBeLessThan(1e-5);
    expect(apart(statistics.spread!, expected.covariance)).toBeLessThan(1e-5);
    expect(statistics.classes).toBe(5);
    expect(statistics.groups.map(({ templates }) => templates)).toEqual([["a {}."], ["a {}."]]);
  });

  it("makes pseudo-features of them", () => {
    const made = learned("shared").pseudoFeatures(int64(expected.classes), tensor(expected.noise));
    expect(apart(made, expected.pseudo)).toBeLessThan(1e-5);
  });

  it("keeps variances of each class, or no scatter at all", () => {
    const diagonal = learned("diagonal");
    const rows = tensor((expected.datasets[0] as Dataset).features).indexSelect(0, int64([0, 3, 6, 8])); // of class 0
    const variances = rows
      .sub(rows.mean([0]))
      .square()
      .mean([0]);
    expect(diagonal.spread!.shape).toEqual([5, 5]);
    expect(diagonal.spread!.select(0, 0).sub(variances).abs().max().item()).toBeLessThan(1e-6);
    const none = learned("none");
    const classes = int64([0, 1, 4]);
    const made = none.draw(classes, generator(0));
    const means = nn.functional.normalize(none.means!.indexSelect(0, classes));
    expect(made.sub(means).abs().max().item()).toBeLessThan(1e-6);
  });

  it("moves the means by the linear map that fits how images moved", () => {
    const [before, after] = [tensor(drift.before), tensor(drift.after)];
    const map = driftMap(before, after, drift.ridge);
    expect(apart(map.float(), drift.map)).toBeLessThan(1e-5);
    const moved = tensor(drift.means).add(tensor(drift.means).mm(map.float()));
    expect(apart(moved, drift.moved)).toBeLessThan(1e-5);

    const statistics = learned("shared");
    const still = statistics.means!.clone();
    const features = nn.functional.normalize(randn([20, 5], { generator: generator(1) }));
    statistics.compensate(features, features.clone(), 0.03);
    expect(statistics.means!.equal(still)).toBe(true); // nothing moved
    const turn = randn([5, 5], { generator: generator(2) }).mul(0.1);
    statistics.compensate(features, features.add(features.mm(turn)), 1e-12);
    expect(
      statistics
        .means!.sub(still.add(still.mm(turn)))
        .abs()
        .max()
        .item(),
    ).toBeLessThan(1e-4); // exactly linear
  });

  it("knows no mean of a class without images", () => {
    const statistics = new ClassStatistics("shared");
    const features = nn.functional.normalize(randn([3, 4], { generator: generator(3) }));
    statistics.learn({ name: "gaps", classes: ["a", "b"], templates: ["{}"] }, features, int64([1, 1, 1]));
    expect([statistics.hasMean(0), statistics.hasMean(1)]).toEqual([false, true]);
    expect(statistics.means!.isfinite().all().item()).toBe(true);
  });

  it("is restored from its state, and refuses that of another kind", () => {
    const statistics = learned("shared");
    const restored = new ClassStatistics("shared");
    restored.loadState(statistics.state());
    expect(restored.means!.equal(statistics.means!)).toBe(true);
    expect(restored.spread!.equal(statistics.spread!)).toBe(true);
    expect(restored.groups).toEqual(statistics.groups);
    expect(() => new ClassStatistics("none").loadState(statistics.state())).toThrow(
      "expected the covariance 'none', got 'shared'",
    );
  });

  it("leaves nothing in memory", () => {
    learned("shared").dispose(); // what tests before left is collected at some time
    const before = memoryStatistics().liveTensors;
    const features = nn.functional.normalize(randn([6, 4]));
    const labels = int64([0, 1, 0, 1, 0, 1]);
    const classes = int64([0, 1]);
    const inputs = memoryStatistics().liveTensors - before;
    using statistics = new ClassStatistics("shared");
    for (const name of ["a", "b"]) {
      statistics.learn({ name, classes: ["x", "y"], templates: ["{}"] }, features, labels);
      statistics.draw(classes, generator(0)).dispose();
      statistics.compensate(features, features, 0.03);
    }
    statistics.dispose();
    expect(memoryStatistics().liveTensors - before).toBeLessThanOrEqual(inputs + 6); // normalize's and zeros' garbage
  });
});
