import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  formatPercent,
  type Run,
  readRun,
  reportHtml,
  resultsSvg,
  writeReport,
} from "../../lib/report/index.js";
import { DATASETS, type RunOptions, writeRun } from "./fixtures.js";

// Drawing a dozen figures takes a second, on a busy machine several.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "codyra-report-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

let made = 0;
const run = (options: RunOptions): Run => readRun(writeRun(join(folder, `run-${made++}`), options));

/** The texts of the cells of every row of the tables with a class. */
function tableRows(page: string, tableClass: string): string[][] {
  const tables =
    page.match(new RegExp(`<table class="[^"]*\\b${tableClass}\\b[\\s\\S]*?</table>`, "g")) ?? [];
  return tables.flatMap((table) =>
    [...table.matchAll(/<tr[\s\S]*?<\/tr>/g)].map(([row]) =>
      [...row.matchAll(/<td[^>]*>([^<]*)/g)].map((m) => m[1] as string),
    ),
  );
}

describe("reportHtml", () => {
  let runs: Run[];
  let page: string;
  beforeAll(async () => {
    runs = ["zero-shot", "finetune", "lora", "codyra"].map((method) => run({ method }));
    page = await reportHtml(runs);
  });

  it("shows every accuracy of every run", () => {
    const shown = tableRows(page, "matrix").filter((row) => row.length > 0);
    const expected = runs.flatMap(({ accuracy }) => [accuracy.zeroShot as number[], ...accuracy.matrix]);
    expect(shown).toEqual(expected.map((row) => row.map(formatPercent)));
  });

  it("shows every metric of every run", () => {
    const shown = tableRows(page, "metrics").filter((row) => row.length > 0);
    const expected = (["transfer", "average", "last", "forgetting"] as const).flatMap((name) =>
      runs.map(({ metrics }) => [...(metrics?.[name].columns ?? []), metrics?.[name].overall]),
    );
    expect(shown).toEqual(expected.map((row) => row.map(formatPercent)));
  });

  it("shows the active ranks of every module, and says when all are active", () => {
    const counts = tableRows(page, "ranks").flat().map(Number);
    const expected = runs[3]?.ranks?.tasks.flatMap(({ active }) => active) ?? [];
    expect(counts.toSorted()).toEqual(expected.toSorted());
    expect(page).toContain("All 1,152 ranks are active after every task.");
  });

  it("has a curve per dataset, a loss curve per training run, and the configuration", () => {
    for (const dataset of DATASETS)
      expect(page).toContain(`aria-label="Accuracy on ${dataset} after each task"`);
    expect(page.match(/aria-label="Training loss over the stream"/g)).toHaveLength(3);
    expect(page).toContain("lora.rank");
    for (const { fingerprint } of runs[0]?.info.datasets ?? []) expect(page).toContain(fingerprint);
  });

  it("needs no script and nothing from elsewhere", () => {
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(/i);
    expect(page.match(/(?:href|src)="(?!#)[^"]*"/g)).toBeNull();
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  });

  it("shows hold-outs: their matrix, their mean and what they are", async () => {
    const holdOuts = ["cifar100", "places365"];
    const runs = [
      run({ method: "lora", holdOuts, drifts: 0.02 }),
      run({ method: "codyra", holdOuts, drifts: 0.01 }),
    ];
    const page = await reportHtml(runs);
    const shown = tableRows(page, "matrix").filter((row) => row.length > 0);
    const tested = [...runs.map((r) => r.accuracy), ...runs.map((r) => r.accuracy.holdOuts!)];
    const expected = tested.flatMap(({ zeroShot, matrix }) => [zeroShot!, ...matrix]);
    expect(shown).toEqual(expected.map((row) => row.map(formatPercent)));
    expect(page).toContain("cifar100 after task 2 (textures): 46.0 %, never learned");

    const metrics = tableRows(page, "metrics").filter((row) => row.length > 0);
    expect(metrics.slice(-2)).toEqual([
      ["43.0", "53.0", "48.0"], // 0.5 and 0.6, less the mean drift of six tasks: 3.5 times 0.02
      ["46.5", "56.5", "51.5"],
    ]);
    const described = tableRows(page, "datasets").filter(([, kind]) => kind === "hold-out");
    expect(described.map(([classes, , testImages]) => [classes, testImages])).toEqual([
      ["2", "200"],
      ["2", "200"],
    ]);
    expect(page).not.toContain("Not the same data");
  });

  it("links to every section", () => {
    const targets = [...page.matchAll(/<li><a href="#([^"]+)"/g)].map((m) => m[1]);
    const ids = [...page.matchAll(/<section id="([^"]+)"/g)].map((m) => m[1]);
    expect(targets).toEqual(ids);
    expect(ids).toEqual(["results", "metrics", "curves", "matrices", "loss", "ranks", "configuration"]);
  });

  it("escapes everything that users name", async () => {
    const evil = `"'><script>alert(1)</script>&`;
    const hostile = await reportHtml([
      run({
        method: evil,
        datasets: [evil, "flags"],
        info: {
          config: { [evil]: evil },
          gitRevision: evil,
          versions: { codyra: evil, libtorch: evil, node: evil },
        },
      }),
    ]);
    expect(hostile).not.toContain("<script");
    expect(hostile).not.toContain(`"'><`);
    expect(hostile).toContain("&#34;&#39;&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#38;");
  });

  it("shows a run that is still going without metrics", async () => {
    const page = await reportHtml([run({ method: "codyra", tasks: 2 })]);
    expect(page).toContain("Not finished: 2 of 6 datasets learned so far.");
    expect(page).not.toContain('id="metrics"');
    expect(tableRows(page, "matrix").filter((row) => row.length > 0)).toHaveLength(3);
  });

  it("warns when runs saw different data", async () => {
    const other = run({ method: "codyra" });
    (other.info.datasets[0] as { fingerprint: string }).fingerprint = "sha256:ffff";
    expect(page).not.toContain("Not the same data");
    expect(await reportHtml([runs[2] as Run, other])).toContain(
      "the fingerprints of codyra differ from those of lora",
    );
  });
});

describe("writeReport", () => {
  it("replaces the page as a whole and leaves nothing else behind", async () => {
    const target = join(folder, "new", "report.html");
    await writeReport([run({ method: "lora", tasks: 1 })], target);
    await writeReport([run({ method: "codyra", tasks: 1 })], target);
    expect(readFileSync(target, "utf8")).toContain("<title>codyra, 6 datasets in a row</title>");
    expect(readdirSync(join(folder, "new"))).toEqual(["report.html"]);
  });

  it("keeps the old page when the runs cannot be shown together", async () => {
    const target = join(folder, "kept", "report.html");
    mkdirSync(join(folder, "kept"));
    writeFileSync(target, "old");
    const runs = [run({ method: "lora" }), run({ method: "lora", datasets: ["flags"] })];
    await expect(writeReport(runs, target)).rejects.toThrow(/only comparable/);
    expect(readFileSync(target, "utf8")).toBe("old");
  });
});

it("resultsSvg draws the value of every metric and stands alone", async () => {
  const runs = [run({ method: "zero-shot" }), run({ method: "codyra" })];
  const svg = await resultsSvg(runs);
  expect(svg).toMatch(/^<svg [^>]*role="img"/);
  for (const { metrics } of runs) {
    for (const name of ["transfer", "average", "last"] as const) {
      expect(svg).toContain(`>${formatPercent(metrics?.[name].overall)}</text>`);
    }
  }
  const defined = new Set([...svg.matchAll(/--([\w-]+):/g)].map((m) => m[1]));
  for (const [, used] of svg.matchAll(/var\(--([\w-]+)\)/g)) expect(defined).toContain(used);
});
