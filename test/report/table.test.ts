import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  formatPercent,
  markCells,
  metricTables,
  readRun,
  renderCsv,
  renderJson,
  renderLatex,
  renderMarkdown,
  renderTerminal,
  streamTable,
  type Table,
} from "../../lib/report/index.js";
import { writeRun } from "./fixtures.js";

const table: Table = {
  title: "Last (%)",
  caption: "",
  rowHeader: "Method",
  columns: ["dig_its", "Mean"],
  best: "highest",
  rows: [
    { label: "a|b & c", values: [0.71234, 0.5] },
    { label: "lora", values: [0.71229, undefined] },
    { label: "codyra", values: [0.6, 0.75] },
  ],
};

describe("markCells", () => {
  it("marks equal printed values alike, and nothing where there is no value", () => {
    expect(markCells(table)).toEqual([
      ["best", "second"],
      ["best", undefined],
      ["second", "best"],
    ]);
  });

  it("prefers low values where low is better", () => {
    expect(markCells({ ...table, best: "lowest" }).map((row) => row[0])).toEqual([
      "second",
      "second",
      "best",
    ]);
  });

  it("marks nothing without alternatives", () => {
    expect(markCells({ ...table, rows: table.rows.slice(0, 1) })).toEqual([[undefined, undefined]]);
    expect(markCells({ ...table, best: "none" }).flat()).toEqual(Array(6).fill(undefined));
  });
});

it("formatPercent rounds once, keeps zero, and has a dash for no value", () => {
  expect([0.71249, 0, -0.0004, -0.0126, 1, undefined].map(formatPercent)).toEqual([
    "71.2",
    "0.0",
    "0.0",
    "-1.3",
    "100.0",
    "–",
  ]);
});

describe("formats", () => {
  it("terminal: aligned, plain without colour", () => {
    expect(renderTerminal(table)).toBe(
      [
        "Last (%)",
        "Method   dig_its   Mean",
        "───────────────────────",
        "a|b & c     71.2   50.0",
        "lora        71.2      –",
        "codyra      60.0   75.0",
        "",
      ].join("\n"),
    );
  });

  it("terminal: colour adds only escapes, narrow windows shorten names", () => {
    const colored = renderTerminal(table, { color: true });
    expect(colored).toContain("\x1b[1m75.0\x1b[0m");
    expect(colored).toContain("\x1b[4m60.0\x1b[0m");
    expect(stripVTControlCharacters(colored)).toBe(renderTerminal(table));
    expect(renderTerminal(table, { width: 21 }).split("\n")[1]).toBe("Method   dig_…   Mean");
  });

  it("Markdown", () => {
    expect(renderMarkdown(table)).toBe(
      [
        "**Last (%)**",
        "",
        "| Method | dig\\_its | Mean |",
        "| --- | --: | --: |",
        "| a\\|b & c | **71.2** | <u>50.0</u> |",
        "| lora | **71.2** | – |",
        "| codyra | <u>60.0</u> | **75.0** |",
        "",
      ].join("\n"),
    );
  });

  it("LaTeX with booktabs", () => {
    expect(renderLatex(table)).toBe(
      [
        "% Last (%)",
        "\\begin{tabular}{lrr}",
        "\\toprule",
        "Method & \\shortstack[r]{dig\\_\\\\its} & Mean \\\\",
        "\\midrule",
        "a\\textbar{}b \\& c & \\textbf{71.2} & \\underline{50.0} \\\\",
        "lora & \\textbf{71.2} & -- \\\\",
        "codyra & \\underline{60.0} & \\textbf{75.0} \\\\",
        "\\bottomrule",
        "\\end{tabular}",
        "",
      ].join("\n"),
    );
  });

  it("CSV and JSON are not rounded", () => {
    expect(renderCsv({ ...table, columns: ['the "big", one', "Mean"] })).toBe(
      'Method,"the ""big"", one",Mean\na|b & c,0.71234,0.5\nlora,0.71229,\ncodyra,0.6,0.75\n',
    );
    expect(JSON.parse(renderJson(table))).toEqual({
      title: "Last (%)",
      columns: ["dig_its", "Mean"],
      rows: [
        { label: "a|b & c", values: [0.71234, 0.5] },
        { label: "lora", values: [0.71229, null] },
        { label: "codyra", values: [0.6, 0.75] },
      ],
    });
  });
});

describe("a table with a format of its own", () => {
  const counts: Table = {
    title: "Cost",
    caption: "",
    rowHeader: "Method",
    columns: ["Parameters", "MB"],
    best: "lowest",
    format: (value, column) => (column === 0 ? value.toLocaleString("en") : value.toFixed(1)),
    rows: [
      { label: "lora", values: [4_423_680, 0.04] },
      { label: "finetune", values: [149_620_736, undefined] },
      { label: "codyra", values: [4_425_984, 0.01] },
    ],
  };

  it("prints its values as it says, in columns as wide as they need", () => {
    expect(renderTerminal(counts, { width: 1 })).toBe(
      [
        "Cost",
        "Method     Parameters     MB",
        "────────────────────────────",
        "lora        4,423,680    0.0",
        "finetune  149,620,736      –",
        "codyra      4,425,984    0.0",
        "",
      ].join("\n"),
    );
  });

  it("ranks values, whatever they look like in print, and keeps them in data", () => {
    expect(markCells(counts)).toEqual([
      ["best", "best"],
      [undefined, undefined],
      ["second", "best"],
    ]);
    expect(renderCsv(counts)).toContain("finetune,149620736,\n");
    expect(renderMarkdown(counts)).toContain("| lora | **4,423,680** | **0.0** |");
  });
});

it("streamTable has a row per metric", () => {
  const matrix = [
    [0.5, 0.4],
    [0.45, 0.8],
  ];
  const { rows } = streamTable({ datasets: ["a", "b"], matrix });
  expect(rows.map(({ label, values }) => [label, ...values.map(formatPercent)])).toEqual([
    ["Transfer", "–", "40.0", "40.0"],
    ["Average", "47.5", "60.0", "53.8"],
    ["Last", "45.0", "80.0", "62.5"],
    ["Forgetting", "5.0", "–", "5.0"],
  ]);
});

describe("metricTables", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "codyra-table-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const run = (name: string, options: Parameters<typeof writeRun>[1]) =>
    readRun(writeRun(join(folder, name), options));

  it("has a row per run with the run's metrics, and none for a run that is still going", () => {
    const lora = run("lora", { method: "lora" });
    const [transfer, , last] = metricTables([lora, run("codyra", { method: "codyra", tasks: 3 })]);
    expect(transfer?.columns.at(-1)).toBe("Mean");
    expect(last?.rows[0]).toEqual({
      label: "lora",
      values: [...(lora.accuracy.matrix[5] ?? []), lora.metrics?.last.overall],
    });
    expect(last?.rows[1]?.values).toEqual(Array(7).fill(undefined));
  });

  it("has hold-outs of any run last, with a mean where a run has them all", () => {
    const both = run("both", { method: "lora", holdOuts: ["x", "y"], drifts: 0 });
    const one = run("one", { method: "codyra", holdOuts: ["y"], drifts: 0 });
    const going = run("going", { method: "finetune", holdOuts: ["x", "y"], tasks: 2 });
    const without = run("without", { method: "icarl" });
    const tables = metricTables([both, one, going, without]);
    expect(tables).toHaveLength(5);
    expect(tables[4]?.columns).toEqual(["x", "y", "Mean"]);
    expect(tables[4]?.rows.map(({ label, values }) => [label, ...values.map(formatPercent)])).toEqual([
      ["lora", "50.0", "60.0", "55.0"],
      ["codyra", "–", "50.0", "–"],
      ["finetune", "–", "–", "–"],
      ["icarl", "–", "–", "–"],
    ]);
    expect(metricTables([without])).toHaveLength(4);
  });

  it("refuses runs over different streams", () => {
    const a = run("a", { method: "lora", datasets: ["digits", "flags"] });
    const b = run("b", { method: "codyra", datasets: ["flags", "digits"] });
    expect(() => metricTables([a, b])).toThrow(/same protocol and datasets .* x-tail: flags, digits/);
    expect(() => metricTables([])).toThrow(/at least one run/);
  });
});
