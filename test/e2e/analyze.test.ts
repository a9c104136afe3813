import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codyra, needsRealImages, realStream, temporaryFolder, writeConfig } from "./cli.js";

describe("codyra analyze and figures", needsRealImages, () => {
  it("removes modules from one dataset's adapters and measures again, for a figure", async () => {
    const folder = temporaryFolder();
    const { datasets, ...rest } = realStream();
    const options = { iterations: 10, batchSize: 12, rank: 4, learningRate: 0.01, logEvery: 5 };
    const probe = {
      ...rest,
      method: "lora",
      options,
      datasets: datasets.slice(0, 1),
      holdOuts: datasets.slice(1),
    };
    const run = join(folder, "run");
    const learned = await codyra("run", "--config", writeConfig(folder, probe), "--output", run);
    expect(learned.code, learned.stderr).toBe(0);

    const file = join(run, "analysis", "remove.json");
    const removed = await codyra("analyze", "remove", "--run", run, "--to", file);
    expect(removed.code, removed.stderr).toBe(0);
    expect(removed.stdout).toMatch(/^Removed +Adaptation +change +Retention +change\n─+\nnothing /m);
    const { complete, before, removals, retentionDatasets } = JSON.parse(readFileSync(file, "utf8"));
    const { matrix, zeroShot, holdOuts } = JSON.parse(readFileSync(join(run, "matrix.json"), "utf8"));
    // With all adapters the model is the run's, and without any the pre-trained one: the same accuracies.
    expect(Object.values(complete.datasets)).toEqual([...matrix[0], ...holdOuts.matrix[0]]);
    expect(Object.values(before.datasets)).toEqual([...zeroShot, ...holdOuts.zeroShot]);
    expect(retentionDatasets).toEqual(["mnist", "satellite"]);
    expect(removals).toHaveLength(12);
    expect(removals[0]).toMatchObject({ removed: "vision.q", matrices: 4 });

    const all = await codyra("analyze", "remove", "--run", run, "--json", "--modules", "vision+text");
    expect(JSON.parse(all.stdout).removals[0].datasets).toEqual(before.datasets);
    const unknown = await codyra("analyze", "remove", "--run", run, "--modules", "vision.w");
    expect(unknown).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("'vision.w' is none of the adapted modules"),
    });

    const figures = join(folder, "figures");
    const drawn = await codyra("figures", "--runs", run, "--to", figures, "--figure", "3", "8");
    expect(drawn.code, drawn.stderr).toBe(0);
    expect(drawn.stdout).toContain(`${join(figures, "figure-3-removal.svg")}\n\nFigure 8: `);
    expect(readdirSync(figures)).toContain("figure-3-removal.png");
    expect(await codyra("figures", "--runs", run, "--figure", "4")).toMatchObject({ code: 2 });
  });
});
