import { describe, expect, it } from "vitest";
import { computeMetrics, isComplete } from "../../lib/records/index.js";
import { describeGroup, describeGroups, headline, type Run, type RunGroup } from "../../lib/report/index.js";

function run(matrix: number[][], zeroShot?: number[], trainableParameters = 1): Run {
  const accuracy = { datasets: ["digits", "flags"], matrix, zeroShot };
  const metrics = isComplete(accuracy) ? computeMetrics(accuracy) : undefined;
  return { accuracy, metrics, info: { trainableParameters, totalParameters: 100 } } as Run;
}

const zeroShot = [0.4, 0.5];
const careful = run(
  [
    [0.9, 0.48],
    [0.89, 0.8],
  ],
  zeroShot,
);
const forgetful = run(
  [
    [0.9, 0.3],
    [0.5, 0.9],
  ],
  zeroShot,
);

const group = (label: string, ...runs: Run[]): RunGroup => ({ label, runs });

describe("describeGroup", () => {
  it("states what was gained, forgotten and changed", () => {
    expect(describeGroup(group("codyra", careful))).toEqual({
      gained:
        "Ends at 84.5 % on average over 2 datasets, 39.5 points above zero-shot. Most on digits: 49.0 points above zero-shot.",
      forgotten:
        "It forgets 1.0 point of what it learned. Most on digits: 1.0 point since it was learned. " +
        "Before it learns a dataset, it is 2.0 points below zero-shot there.",
      changed: "1 parameter trained; the model has 100.",
    });
  });

  it("is about the mean of the seeds", () => {
    const { gained, forgotten } = describeGroup(group("both", careful, forgetful));
    expect(gained).toMatch(/^Ends at 77\.3 % .*, 32\.2 points above zero-shot\. Most on flags: 35\.0 points/);
    expect(forgotten).toMatch(/^It forgets 20\.5 points/);
  });

  it("words no change and improvement as such", () => {
    const still = [
      [0.9, 0.5],
      [0.9, 0.8],
    ];
    expect(describeGroup(group("a", run(still, zeroShot))).forgotten).toBe(
      "It forgets nothing it learned. Before it learns a dataset, it is as good as zero-shot there.",
    );
    const better = [
      [0.8, 0.6],
      [0.9, 0.8],
    ];
    expect(describeGroup(group("a", run(better, zeroShot))).forgotten).toBe(
      "Learned datasets improve by a further 10.0 points. Before it learns a dataset, it is 10.0 points above zero-shot there.",
    );
  });

  it("leaves out what is not known", () => {
    const withoutZeroShot = run([
      [0.9, 0.5],
      [0.9, 0.8],
    ]);
    expect(describeGroup(group("a", withoutZeroShot))).toMatchObject({
      gained: "Ends at 85.0 % on average over 2 datasets.",
      forgotten: "It forgets nothing it learned.",
    });
    expect(describeGroup(group("a", run([[0.9, 0.5]], zeroShot)))).toEqual({
      gained: "Not finished: 1 of 2 datasets learned so far.",
      forgotten: "",
      changed: "",
    });
    expect(describeGroup(group("a", run([zeroShot, zeroShot], zeroShot, 0))).gained).toBe(
      "Nothing is trained: 45.0 % on average over 2 datasets.",
    );
  });

  it("says which weights changed", () => {
    const changed = (trainable: number) =>
      describeGroup(group("a", run(forgetful.accuracy.matrix, zeroShot, trainable))).changed;
    expect(changed(0)).toBe("No weight of the model changed.");
    expect(changed(100)).toBe("All matrices of the model were trained.");
  });

  it("says which adapted matrices kept more and fewer ranks than chance explains", () => {
    const modules = ["q", "k", "v", "o"].map((target) => ({
      name: target,
      encoder: "text" as const,
      layer: 2,
      target,
    }));
    const tasks = (...active: number[]) => [{ dataset: "digits", active }];
    const changed = (...active: number[]) =>
      describeGroup(group("a", { ...careful, ranks: { rank: 16, modules, tasks: tasks(...active) } }))
        .changed;
    expect(changed(15, 8, 8, 0)).toBe(
      "48 % of the ranks of 4 adapted matrices stayed active, none at all in 1. 2 matrices lie outside what chance explains, " +
        "where it alone would put about 0: more in text q of layer 3 (15.0 ranks), fewer in text o of layer 3 (0.0 ranks).",
    );
    expect(changed(9, 8, 8, 7)).toBe(
      "50 % of the ranks of 4 adapted matrices stayed active. No matrix changed with more or fewer ranks than chance explains.",
    );
    expect(changed(16, 16, 16, 16)).toBe(
      "All 4 adapted matrices changed with every task, each with all of its 16 ranks.",
    );
  });
});

describe("describeGroups", () => {
  it("contrasts the best end with the least and the most forgetting", () => {
    expect(describeGroups([group("finetune", forgetful), group("codyra", careful)])).toEqual({
      gained: "codyra ends highest, at 84.5 % on average, 39.5 points above zero-shot.",
      forgotten:
        "codyra forgot 1.0 point. Among the methods that train, codyra forgot least (1.0 point) and finetune most (40.0 points).",
      changed: "In codyra, 1 parameter trained; the model has 100.",
    });
  });

  it("describes a single method, and waits for the first to finish", () => {
    expect(describeGroups([group("codyra", careful)])).toEqual(describeGroup(group("codyra", careful)));
    expect(describeGroups([group("a", run([])), group("b", run([]))]).gained).toBe(
      "No run has finished yet.",
    );
  });
});

describe("headline", () => {
  it("names the method that ends highest, and where it is before it learns a dataset", () => {
    expect(headline([group("forgetful", forgetful), group("careful", careful)])).toBe(
      "careful ends highest, at 84.5 % on average over what was learned (39.5 points above zero-shot); " +
        "on datasets before it learns them, it is 2.0 points below zero-shot.",
    );
    expect(headline([group("unfinished", run([[0.9, 0.5]]))])).toBe("No run has finished yet.");
  });
});
