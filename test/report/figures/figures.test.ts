import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { describeMissing, figureNumbers, findFigures, writeFigures } from "../../../lib/report/index.js";
import { temporaryFolder } from "../../e2e/cli.js";
import { codyraOptions, figureRun, loraOptions, writeChanges, writeRemovals } from "./runs.js";

const stream = ["aircraft", "dtd"];
const probe = { method: "lora", datasets: ["aircraft"], holdOuts: ["imagenet1k"] } as const;

/** Runs for every figure of Aircraft and DTD. */
function manyRuns(folder: string) {
  const codyra = (name: string, options: object, seed = 1) =>
    figureRun(folder, name, { datasets: stream, seed, options: { ...codyraOptions, ...options } });
  const lora = (name: string, options: object) =>
    figureRun(folder, name, {
      ...probe,
      holdOuts: [...probe.holdOuts],
      datasets: [...probe.datasets],
      options: { ...loraOptions, ...options },
    });
  const runs = [
    codyra("base-2", {}, 2),
    codyra("base-1", {}),
    codyra("vision", { encoders: "vision" }),
    codyra("rank-4", { rank: 4 }),
    codyra("kappa", { kappaMax: 0.01 }),
    codyra("dense", { denseRatio: 0.9 }),
    figureRun(folder, "lora-other", { ...probe, holdOuts: ["dtd"], datasets: [...probe.datasets] }),
    lora("lora-16", {}),
    lora("lora-4", { rank: 4 }),
    lora("lora-attention", { targets: ["q", "k", "v", "o"] }),
    figureRun(folder, "codyra-aircraft", { datasets: ["aircraft"], holdOuts: ["imagenet1k"] }),
  ];
  for (const run of runs) writeChanges(run, 0);
  writeRemovals(runs[7]!); // not of the first full one
  return runs;
}

describe("the figures of the paper", () => {
  it("come from runs, each with its data", async () => {
    const folder = temporaryFolder();
    const { figures } = await findFigures(manyRuns(join(folder, "runs")));
    expect(figures.map(({ number }) => number)).toEqual([2, 3, 5, 11, 7, 8, 9]);
    const [locations, removal, ranks, , location, threshold, amplification] = figures;

    expect(locations!.rows.map((row) => [row.location, row.rank])).toEqual([
      ["vision + text, attention + MLP", 16],
      ["vision + text, attention + MLP", 4],
      ["vision + text, attention", 16],
    ]);
    const first = locations!.rows[0]!;
    expect([first.zeroShotAdaptation, first.zeroShotRetention]).toEqual([41, 50]); // fixtures.ts: 0.41 and 0.5
    expect(first.retention).toBeCloseTo(49.5, 6); // one task drifts by half a point

    expect(removal!.rows.map((row) => [row.removed, row.measure, row.change])).toEqual([
      ["vision.v", "adaptation", expect.closeTo(-2, 6)],
      ["text.q", "adaptation", expect.closeTo(1, 6)],
      ["vision.v", "retention", expect.closeTo(6, 6)],
      ["text.q", "retention", expect.closeTo(0, 6)],
    ]);

    expect(ranks!.notes[0]).toBe("codyra, X-TAIL, seeds 1, 2, task 1 of 2.");
    expect(ranks!.notes[1]).toMatch(/predict 8\.51 ± 1\.41\.$/);
    expect(ranks!.rows).toHaveLength(72 + 12 + 12 + 1);

    const measuredRanks = (figure: typeof location, study: string) =>
      figure!.rows
        .filter((row) => row.study === study && row.measure === "predicted")
        .map((row) => row.value);
    expect(measuredRanks(location, "rank")).toEqual([4, 16]);
    expect(measuredRanks(location, "location")).toEqual([
      "vision + text, attention + MLP",
      "vision, attention + MLP",
    ]);
    expect(measuredRanks(threshold, "kappaMax")).toEqual([0.005, 0.01]);
    expect(threshold!.rows.find((row) => row.measure === "Last" && row.isMain === "yes")).toMatchObject({
      seeds: 2,
    });

    expect(amplification!.rows.map((row) => [row.method, row.encoder, row.amplification])).toEqual([
      ["lora", "vision", 2],
      ["lora", "text", 0],
      ["codyra", "vision", 2],
      ["codyra", "text", 0],
    ]);
    expect(amplification!.notes).toContain(
      "aircraft, lora: 100 % of ‖ΔW‖² in 10 % of matrices, median at ρ = 4: 1.0.",
    );
  });

  it("are written as SVG, PNG of twice the size, and CSV, with an overview", async () => {
    const folder = temporaryFolder();
    const found = await findFigures(manyRuns(join(folder, "runs")), [5, 3]);
    const to = join(folder, "figures");
    const written = await writeFigures(found, to);
    const names = ["figure-3-removal", "figure-5-ranks-aircraft"];
    expect(written).toEqual(names.map((name) => join(to, `${name}.svg`)));
    expect(readdirSync(to).sort()).toEqual(
      [
        "figures.md",
        ...names.flatMap((name) => ["csv", "png", "svg"].map((suffix) => `${name}.${suffix}`)),
      ].sort(),
    );
    const svg = readFileSync(written[1]!, "utf8");
    const [, width, height] = /<svg [^>]*width="(\d+)" height="(\d+)"/.exec(svg)!;
    const png = await sharp(join(to, `${names[1]}.png`)).metadata();
    expect([png.width, png.height]).toEqual([2 * Number(width), 2 * Number(height)]);
    expect(Number(width)).toBeLessThan(700); // as wide as its plots, rather than as its text in wide letters
    for (const text of [
      "Activated ranks on aircraft",
      "vision encoder",
      "(ranks of 16)",
      "layer, from input to output",
    ])
      expect(svg).toContain(text);
    const csv = readFileSync(join(to, `${names[0]}.csv`), "utf8").split("\n");
    expect(csv[0]).toBe(
      "dataset,measure,removed,encoder,module,seeds,accuracy,std,nothingRemoved,change,pretrained",
    );
    expect(csv[1]).toMatch(/^aircraft,adaptation,vision\.v,vision,v,1,48,0,50,/);
    expect(readFileSync(join(to, "figures.md"), "utf8")).toContain(
      "## Figure 3: Removing trained LoRA modules",
    );
  });

  it("are listed as missing with what would make them", async () => {
    const folder = temporaryFolder();
    const run = figureRun(folder, "run", { datasets: ["aircraft", "flags"] });
    const { figures, missing } = await findFigures([run]);
    expect(figures.map(({ name }) => name)).toEqual(["figure-5-ranks-aircraft", "ranks-flags"]);
    const drawn = figures.flatMap(({ number }) => number ?? []);
    expect(
      [...new Set([...drawn, ...missing.flatMap(({ numbers }) => numbers)])].toSorted((a, b) => a - b),
    ).toEqual(figureNumbers);
    const text = describeMissing(missing);
    expect(text).toContain(
      "Figures 6, 10, 11, 12, 13, 14, 15, 16, 17: Activated ranks on oxford_pets, caltech101",
    );
    expect(text).toContain(
      "codyra run --config CONFIG.yaml --method codyra --seed 1 --option kappaMax=0.001 --output runs/codyra-kappaMax-0.001\n",
    );
    expect((await findFigures([run], [8])).figures).toEqual([]);
  });

  it("are missing with commands for the stream that there is", async () => {
    const folder = temporaryFolder();
    const run = figureRun(folder, "own", { datasets: ["flags", "signs"], seed: 3 });
    const ofPaper = figureRun(folder, "paper", { datasets: stream });
    expect((await findFigures([ofPaper], [8])).missing[0]?.commands[1]).toBe(
      "codyra run --config configs/paper/x-tail.yaml --method codyra --option kappaMax=0.001 --output runs/codyra-kappaMax-0.001",
    );
    const command = async () => (await findFigures([run], [8])).missing[0]?.commands[1];
    expect(await command()).toBe(
      "codyra run --config CONFIG.yaml --method codyra --seed 3 --option kappaMax=0.001 --output runs/codyra-kappaMax-0.001",
    );
    Object.assign(run.info.config, { model: "miniature-v2", testPerClass: 20 });
    expect(await command()).toBe(
      "codyra demo --protocol x-tail --domains flags signs --methods codyra --seed 3 --option kappaMax=0.001 --output runs/codyra-kappaMax-0.001",
    );
    Object.assign(run.info.config, { model: "miniature" });
    expect(await command()).toMatch(/^codyra demo --model miniature --protocol x-tail /);
  });

  it("name the analyses that runs lack", async () => {
    const folder = temporaryFolder();
    const runs = [
      figureRun(folder, "lora", { ...probe, holdOuts: [...probe.holdOuts], datasets: [...probe.datasets] }),
      figureRun(folder, "codyra", { datasets: ["aircraft"], holdOuts: ["imagenet1k"] }),
    ];
    const { missing } = await findFigures(runs, [3, 9]);
    const [lora, codyra] = ["lora", "codyra"].map((name) => join(folder, name));
    expect(missing.flatMap(({ commands }) => commands)).toEqual([
      `codyra analyze remove --run ${lora} --to ${lora}/analysis/remove.json`,
      `codyra analyze amplification --run ${lora}`,
      `codyra analyze amplification --run ${codyra}`,
    ]);
  });
});
