import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pageData, type Run, readRun } from "../../../lib/report/index.js";
import { DATASETS, type RunOptions, writeRun } from "../fixtures.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "codyra-page-data-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

let made = 0;
const run = (options: RunOptions): Run => readRun(writeRun(join(folder, `run-${made++}`), options));

describe("pageData", () => {
  it("carries the accuracies, metrics and ranks of every run", () => {
    const runs = ["zero-shot", "lora", "codyra"].map((method) => run({ method }));
    const data = pageData(runs);
    expect(data.runs.map(({ accuracy }) => accuracy.matrix)).toEqual(runs.map((r) => r.accuracy.matrix));
    expect(data.runs.map(({ metrics }) => metrics?.average)).toEqual(runs.map((r) => r.metrics?.average));
    expect(data.runs[2]?.metrics?.transfer.columns[0]).toBeNull();
    expect(data.runs.map(({ ranks }) => ranks?.tasks)).toEqual(runs.map((r) => r.ranks?.tasks));
    expect(data.modules).toEqual([runs[2]?.ranks?.modules]); // once for both
    expect(data.runs.map(({ losses }) => losses.length)).toEqual([0, 6, 6]);
  });

  it("groups seeds, and shows some of many methods, each in a colour of its own", () => {
    const methods = ["zero-shot", "finetune", "lora", "codyra", "lwf", "icarl", "zscl", "wise-ft"];
    const runs = [0, 1].flatMap((seed) =>
      methods.map((method, i) => run({ method, seed, forgets: 0.01 * i })),
    );
    const { groups } = pageData(runs);
    expect(groups.map(({ label }) => label)).toEqual(methods);
    expect(groups.map(({ runs }) => runs)).toEqual(methods.map((_, i) => [2 * i, 2 * i + 1]));
    const shown = groups.filter(({ isShown }) => isShown);
    expect(shown).toHaveLength(6);
    expect(shown.map(({ label }) => label)).toEqual(
      expect.arrayContaining(["zero-shot", "finetune", "wise-ft"]), // the reference, the best and the most forgetful
    );
    expect(shown.map(({ style }) => style).sort()).toEqual([-1, 0, 1, 2, 3, 4]);
    expect(new Set(groups.map(({ style }) => style)).size).toBe(methods.length);
  });

  it("lines hold-outs up by name", () => {
    const runs = [
      run({ method: "lora", holdOuts: ["cifar100", "places365"] }),
      run({ method: "codyra", holdOuts: ["places365"] }),
      run({ method: "lwf" }),
    ];
    const data = pageData(runs);
    expect(data.holdOuts.map(({ name }) => name)).toEqual(["cifar100", "places365"]);
    const held = runs[1]?.accuracy.holdOuts?.matrix[0]?.[0];
    expect(data.runs.map(({ holdOuts }) => holdOuts?.matrix[0])).toEqual([
      runs[0]?.accuracy.holdOuts?.matrix[0],
      [null, held],
      undefined,
    ]);
  });

  it("warns when runs of one seed saw different data, and lists the fingerprints of every seed", () => {
    const [lora, codyra, other] = [
      run({ method: "lora" }),
      run({ method: "codyra" }),
      run({ method: "codyra", seed: 1 }),
    ] as [Run, Run, Run];
    for (const dataset of other.info.datasets) dataset.fingerprint = "sha256:other";
    expect(pageData([lora, codyra, other]).warnings).toEqual([]);
    expect(pageData([lora, codyra, other]).datasets[0]?.fingerprints).toEqual([
      { seeds: [0], fingerprint: lora.info.datasets[0]?.fingerprint },
      { seeds: [1], fingerprint: "sha256:other" },
    ]);
    (codyra.info.datasets[2] as { fingerprint: string }).fingerprint = "sha256:ffff";
    expect(pageData([lora, codyra]).warnings).toEqual([
      `Runs of seed 0 saw different images of ${DATASETS[2]}: compare them with care.`,
    ]);
  });

  it("keeps loss curves short: means over neighbouring steps of a task", () => {
    const long = run({ method: "finetune" });
    long.steps = Array.from({ length: 2400 }, (_, i) => ({
      task: i < 1200 ? 0 : 1,
      step: i % 1200,
      loss: i % 10 === 0 ? null : 1 + (i % 1200),
    }));
    const [first, second] = pageData([long]).runs[0]?.losses ?? [];
    expect([first?.start, second?.start, first?.dataset]).toEqual([0, 1200, DATASETS[0]]);
    expect(first?.points).toHaveLength(120);
    expect(first?.points[0]).toEqual([5, 6]); // steps 1 to 9: the loss of step 0 was not finite
    expect(second?.points[0]).toEqual([1205, 6]);
  });

  it("says what was run, in short", () => {
    const of = (model: string) => run({ method: "codyra", info: { config: { model } } });
    const { facts } = pageData([of("miniature")]);
    expect(facts.map(([name]) => name)).toEqual([
      ...["Protocol", "Model", "Classes", "Test images", "Runs", "Seed", "Started", "Stream"],
    ]);
    expect(Object.fromEntries(facts)).toMatchObject({ Model: "miniature", Stream: DATASETS.join(" → ") });
    expect(pageData([of("miniature"), of("shop-clip")]).facts[1]).toEqual(["Models", "miniature, shop-clip"]);
  });

  it("describes a run that is still going", () => {
    const data = pageData([run({ method: "codyra", tasks: 2 })]);
    expect(data.summary.gained).toBe("Not finished: 2 of 6 datasets learned so far.");
    expect(data.runs[0]).toMatchObject({ metrics: null, finished: null });
  });
});
