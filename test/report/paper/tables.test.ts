import { describe, expect, it } from "vitest";
import { methods } from "../../../lib/methods/index.js";
import {
  costComparison,
  newerComparison,
  newerTables,
  type PaperTable,
  paperTables,
  printedTables,
  type Run,
  toTable,
} from "../../../lib/report/index.js";
import { paperRuns } from "./runs.js";

function table(tables: readonly PaperTable[], name: string): PaperTable {
  return tables.find((each) => each.name === name) as PaperTable;
}

function row({ parts }: PaperTable, method: string, part = 0) {
  return parts[part]?.rows.find((each) => each.method === method);
}

const lastOf = (run: Run | undefined) => run?.metrics?.last.overall as number;

describe("Table 1 from runs over the paper's datasets", () => {
  it("has the mean and the sample standard deviation over seeds beside the printed value", () => {
    const { runs } = paperRuns([8, 9, 10].map((seed) => ({ method: "codyra", seed })));
    const [a, b, c] = runs.map(lastOf) as [number, number, number];
    const codyra = row(table(paperTables(runs), "table-1"), "codyra", 2);
    const mean = (a + b + c) / 3;
    expect(codyra?.seeds).toEqual([8, 9, 10]);
    expect(codyra?.ours.at(-1)?.mean).toBeCloseTo(mean, 12);
    expect(codyra?.ours.at(-1)?.std).toBeCloseTo(
      Math.sqrt(((a - mean) ** 2 + (b - mean) ** 2 + (c - mean) ** 2) / 2),
      12,
    );
    expect(codyra?.paper.at(-1)).toBeCloseTo(0.792, 12);
  });

  it("leaves rows without runs blank, and lists every missing seed with a command", () => {
    const { runs } = paperRuns([{ method: "codyra", seed: 9 }]);
    const found = table(paperTables(runs), "table-1");
    expect(row(found, "zscl")?.ours).toEqual([]);
    expect(row(found, "zscl")?.paper.at(-1)).toBeCloseTo(0.59, 12);
    const missing = (label: string) => found.missing.find((each) => each.label === label);
    expect(missing("ZSCL")).toEqual({
      label: "ZSCL",
      seeds: [8, 9, 10],
      command: "codyra run --config configs/paper/x-tail.yaml --method zscl --seed 8",
    });
    expect(missing("CoDyRA")?.seeds).toEqual([8, 10]);
  });

  it("takes the runs with the configuration's options, and names the others", () => {
    const ablations = [4, 32].map((rank) => ({ method: "codyra", seed: 8, options: { rank } }));
    const { runs } = paperRuns([...ablations, { method: "codyra", seed: 8, forgets: 0.04 }]);
    const found = table(paperTables(runs), "table-1");
    expect(row(found, "codyra", 2)?.ours.at(-1)?.mean).toBe(lastOf(runs[2]));
    expect(found.notes).toEqual([
      "Left out: 2 configurations of codyra with other rank.",
      ...printedTables()["x-tail"].doubts.map((doubt) => `In the paper: ${doubt}`),
    ]);
  });

  it("has no printed values beside runs with another number of images", () => {
    const { runs } = paperRuns([{ method: "codyra", shots: 4 }]);
    const found = table(paperTables(runs), "table-1");
    expect(found.parts[0]?.rows).toHaveLength(1);
    expect(row(found, "codyra")?.paper).toEqual([]);
    expect(found.missing).toEqual([]);
  });
});

it("without runs, all tables are there with the printed values", () => {
  const tables = paperTables([]);
  expect(tables.map(({ name }) => name)).toEqual(["table-1", "table-2", "table-3", "table-5"]);
  expect(
    tables.every(({ parts }) => parts.every(({ rows }) => rows.every(({ ours }) => ours.length === 0))),
  ).toBe(true);
  const zeroShot = row(table(tables, "table-2"), "zero-shot", 2);
  expect(zeroShot?.paper.map((value) => Math.round(1000 * (value ?? 0)))).toEqual([
    243, 884, 682, 446, 549, 710, 885, 594, 890, 647, 652, 653,
  ]);
  expect(table(tables, "table-3").missing[0]?.command).toBe(
    "codyra run --config configs/paper/x-tail.yaml --hold-outs cifar100 places365 imagenet1k --method zero-shot --seed 8 --output runs/hold-outs/zero-shot-seed8",
  );
});

it("streams of one's own get the same tables, apart from the paper's", () => {
  const own = ["digits", "flags"];
  const { runs } = paperRuns([
    { method: "lora", datasets: own },
    { method: "rail-dual", datasets: own },
    { method: "codyra", seed: 8 },
    { method: "lora", datasets: own, protocol: "mtil" },
    { method: "codyra", datasets: own, holdOuts: ["signs"] },
    { method: "codyra", datasets: ["digits"], holdOuts: ["signs"] },
  ]);
  const tables = paperTables(runs);
  expect(tables.map(({ name }) => name)).toEqual(["table-1", "table-1b", "table-2", "table-3", "table-5"]);
  expect(table(tables, "table-1").parts[0]?.columns).toHaveLength(11);
  const first = table(tables, "table-1b");
  expect(first.parts[0]?.columns).toEqual([...own, "Mean"]);
  expect(first.parts[0]?.rows.map(({ method }) => method)).toEqual(["codyra", "lora", "rail-dual"]);
  expect(table(tables, "table-5").parts[0]?.rows.map(({ method }) => method)).toEqual(["rail-dual"]);
  const holdOuts = table(tables, "table-3");
  expect(holdOuts.parts[0]?.columns).toEqual(["signs", "Mean"]);
  const accuracy = runs[4]?.accuracy.holdOuts?.matrix as number[][];
  expect(row(holdOuts, "codyra")?.ours[0]?.mean).toBeCloseTo((accuracy[0]![0]! + accuracy[1]![0]!) / 2, 12);
});

it("runs of another model make a table of their own, which names it", () => {
  const { runs } = paperRuns([
    { method: "codyra" },
    { method: "zero-shot", model: "clip-vit-large-patch14" },
  ]);
  const [first, second] = paperTables(runs).filter(({ number }) => number === 1);
  expect([first?.caption, second?.caption]).toEqual([
    expect.stringContaining("Model: clip-vit-base-patch16."),
    expect.stringContaining("Model: clip-vit-large-patch14."),
  ]);
  expect(row(second!, "codyra")?.ours).toEqual([]);
  expect(row(second!, "zero-shot")?.ours).toHaveLength(11);
});

it("Table 5 compares overall metrics", () => {
  const options = { gamma: 0.1, lambda: 0.001, beta: 0.8 };
  const { runs } = paperRuns([{ method: "rail-dual", seed: 8, options }]);
  const found = row(table(paperTables(runs), "table-5"), "rail-dual");
  const { transfer, average, last } = runs[0]?.metrics ?? {};
  expect(found?.ours.map((value) => value?.mean)).toEqual([
    transfer?.overall,
    average?.overall,
    last?.overall,
  ]);
  expect(found?.paper.map((value) => Math.round(1000 * (value ?? 0)))).toEqual([624, 719, 824]);
});

it("Table 4 has counted parameters beside the printed ones, and is blank without", () => {
  const methods = [{ method: "codyra", trainable: 4_425_984, inference: 0, explanation: "Fresh factors." }];
  const found = costComparison({ methods });
  expect(row(found, "codyra")).toMatchObject({
    ours: [{ mean: 4_425_984 }, { mean: 0 }],
    paper: [4_400_000, 0],
  });
  expect(row(found, "rail-primal")?.paper).toEqual([undefined, 24_180_000]);
  expect(found.notes).toEqual(["CoDyRA: Fresh factors."]);
  expect(costComparison(undefined).missing[0]?.command).toBe("codyra analyze cost --json");
});

it("a method has one label: in its file, and in rows without runs", () => {
  const labels = Object.fromEntries(methods.map(({ name, label }) => [name, label]));
  expect(labels).toEqual(printedTables().labels);
});

describe("Table 6", () => {
  it("has what later papers print, with the source of each row", () => {
    const { parts, notes } = newerComparison([]);
    expect(parts.map(({ title }) => title)).toEqual([
      "MTIL, all images: overall (%)",
      "MTIL, 5 images per class: overall (%)",
      "MTIL, 16 images per class: overall (%)",
      "X-TAIL, 16 images per class: overall (%)",
      "X-TAIL, all images: overall (%)",
    ]);
    const [full] = parts as [(typeof parts)[number]];
    const lines = toTable(full).rows;
    expect(lines.find(({ label }) => label === "ConDU (LoRA) (ConDU)")?.values).toEqual(
      [0.703, 0.783, 0.862].map((value) => expect.closeTo(value, 12)),
    );
    expect(lines.find(({ label }) => label.startsWith("ZSCL (NuSA-CL"))?.kind).toBe("published");
    for (const { name } of Object.values(newerTables().sources)) {
      expect(notes.filter((note) => note.startsWith(`${name}:`)).length).toBeGreaterThan(0);
    }
  });

  it("has our runs beside them only where protocol, datasets, order and number of images agree", () => {
    const options = { gamma: 0.1, lambda: 0.001, beta: 0.8 };
    const lastIn = (...description: Parameters<typeof paperRuns>[0]) => {
      const { runs } = paperRuns(description);
      const { parts } = newerComparison(runs);
      const values = parts.map(
        ({ rows }) => rows.find(({ method }) => method === "rail-dual")?.ours[2]?.mean,
      );
      return { values, last: lastOf(runs[0]) };
    };
    const sixteen = lastIn({ method: "rail-dual", options });
    expect(sixteen.values).toEqual([undefined, undefined, undefined, sixteen.last, undefined]);
    const all = lastIn({
      method: "rail-dual",
      options,
      protocol: "mtil",
      datasets: printedTables().mtil.datasets,
      shots: null,
    });
    expect(all.values[0]).toBe(all.last);
    const otherOrder = lastIn({
      method: "rail-dual",
      options,
      datasets: printedTables()["x-tail"].datasets.toReversed(),
    });
    expect(otherOrder.values.every((value) => value === undefined)).toBe(true);
  });
});
