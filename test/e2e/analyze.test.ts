import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codyra, needsRealImages, realStream, startCodyra, temporaryFolder, writeConfig } from "./cli.js";

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

describe("codyra analyze frontier", needsRealImages, () => {
  const light = ["--draws", "1", "--images", "4", "--probes", "2"];

  it("takes a run's update, which unchanged gives the run's accuracies, or learns one from a configuration", async () => {
    const folder = temporaryFolder();
    const config = writeConfig(folder, realStream());
    const run = join(folder, "run");
    const learned = await codyra("run", "--config", config, "--output", run);
    expect(learned.code, learned.stderr).toBe(0);

    const to = join(folder, "frontier");
    const ofRun = await codyra("analyze", "frontier", "--run", run, "--tasks", "mnist", "--to", to, ...light);
    expect(ofRun.code, ofRun.stderr).toBe(0);
    expect(ofRun.stdout).toMatch(/^Change of the update +X-TAIL own +others +above line +MTIL own /m);
    expect(readdirSync(to).sort()).toEqual(["frontier.csv", "frontier.json", "frontier.png", "frontier.svg"]);
    const { measurements } = JSON.parse(readFileSync(join(to, "frontier.json"), "utf8"));
    expect(measurements).toMatchObject([{ seed: 8, dataset: "mnist" }]);
    const { matrix } = JSON.parse(readFileSync(join(run, "matrix.json"), "utf8"));
    const [before, whole] = measurements[0].points;
    const split = ([first, own, last]: number[]) => ({ own, others: (first! + last!) / 2 });
    expect(before["x-tail"]).toEqual(split(matrix[0]));
    expect(whole).toMatchObject({ name: "nothing (α = 1)", norm: 1, "x-tail": split(matrix[1]) });

    const small = ["--option", "iterations=2", "--option", "rank=2"];
    const anew = await codyra(
      "analyze",
      "frontier",
      "--config",
      config,
      "--seeds",
      "1",
      "2",
      "--json",
      ...small,
      ...light,
    );
    expect(anew.code, anew.stderr).toBe(0);
    const result = JSON.parse(anew.stdout);
    expect(result.options).toMatchObject({ rank: 2, iterations: 2, pruning: "none", kappaMax: 0.05 });
    expect(
      result.measurements.map(({ seed, dataset }: { seed: number; dataset: string }) => [seed, dataset]),
    ).toEqual([
      [1, "flowers"],
      [2, "flowers"],
    ]);
    const unknown = await codyra("analyze", "frontier", "--config", config, "--tasks", "birds");
    expect(unknown).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("There is no dataset 'birds'"),
    });
  });

  it("stops between two passes at Ctrl-C", async () => {
    const { child, outcome } = startCodyra(
      "analyze",
      "frontier",
      "--to",
      join(temporaryFolder(), "frontier"),
    );
    child.stderr?.once("data", () => child.kill("SIGINT")); // images are loaded, training begins
    const { code, stderr } = await outcome;
    expect(code).toBe(130);
    expect(stderr).toContain("Stopping. Measurements so far are in ");
  });
});
