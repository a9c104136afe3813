import { expect, it } from "vitest";
import { type PaperTable, tableFormats } from "../../../lib/report/index.js";

const example: PaperTable = {
  number: 1,
  name: "table-1",
  title: "Streams",
  caption: "In percent & more.",
  notes: ["Left out: 1 configuration of codyra with other rank_r."],
  missing: [{ label: "ZSCL", seeds: [8, 9], command: "codyra run --method zscl --seed 8" }],
  parts: [
    {
      title: "Last (%)",
      columns: ["dtd", "Mean"],
      best: "highest",
      unit: "accuracy",
      digits: 1,
      rows: [
        {
          method: "codyra",
          label: "CoDyRA†",
          seeds: [8, 9],
          ours: [
            { mean: 0.6512, std: 0.004 },
            { mean: 0.8, std: 0 },
          ],
          paper: [0.651, 0.792],
        },
        {
          method: "lora",
          label: "LoRA",
          seeds: [8],
          ours: [
            { mean: 0.5, std: 0 },
            { mean: 0.9, std: 0 },
          ],
          paper: [0.5, undefined],
        },
        { method: "zscl", label: "ZSCL", seeds: [], ours: [], paper: [0.435, 0.634] },
      ],
    },
  ],
};

it("Markdown: mean ± deviation, the paper's value, the difference; ours and the paper's are ranked apart", () => {
  const lines = tableFormats.md.render([example]).split("\n");
  expect(lines).toEqual([
    "## Table 1: Streams",
    "",
    "In percent & more.",
    "",
    "**Last (%)**",
    "",
    "| Method | dtd | Mean |",
    "| --- | --: | --: |",
    "| CoDyRA† | **65.1** ± 0.4 | <u>80.0</u> ± 0.0 |",
    "| paper | **65.1** | **79.2** |",
    "| difference | 0.0 | +0.8 |",
    "| LoRA | <u>50.0</u> | **90.0** |",
    "| paper | <u>50.0</u> | – |",
    "| difference | 0.0 | – |",
    "| ZSCL |  |  |",
    "| paper | 43.5 | <u>63.4</u> |",
    "",
    "- Left out: 1 configuration of codyra with other rank\\_r.",
    "",
    "Missing runs, each with the command for its first seed:",
    "",
    "    ZSCL, seeds 8, 9: codyra run --method zscl --seed 8",
    "",
  ]);
});

it("LaTeX: booktabs rules, the same number of cells in every line, nothing that needs escaping", () => {
  const text = tableFormats.latex.render([example]);
  expect(text).toContain("% Missing: ZSCL, seeds 8, 9: codyra run");
  expect(text).toContain("\\caption{Streams. Last (\\%). In percent \\& more.}");
  expect(text).toContain("CoDyRA\\textdagger{} & \\textbf{65.1}\\,{\\tiny$\\pm$0.4} & \\underline{80.0}");
  expect(text).toContain("\n\\quad paper & \\textbf{65.1} &");
  for (const name of ["toprule", "midrule", "bottomrule", "end{tabular}", "end{table*}"])
    expect(text.split(`\\${name}`)).toHaveLength(2);
  const rows = text.split("\n").filter((line) => line.endsWith("\\\\"));
  expect(rows).toHaveLength(9);
  for (const line of rows) expect(line.match(/(?<!\\)&/g)).toHaveLength(2);
  const shown = text.split("\n").map((line) => line.replace(/(?<!\\)%.*/, "")); // without comments
  expect(shown.join("\n").replace(/\\[%#_&]/g, "")).not.toMatch(/[%#_†±–]/);
});

it("LaTeX: each part is a float of its own, since together they are longer than a page", () => {
  const [part] = example.parts;
  const long = { ...part!, columns: ["stanford_cars", "Mean"] };
  expect(tableFormats.latex.render([{ ...example, parts: [long] }])).toContain(
    "Method & \\shortstack[r]{stanford\\_\\\\cars} & Mean \\\\",
  );
  const text = tableFormats.latex.render([
    { ...example, parts: [part!, { ...part!, title: "Average (%)" }] },
  ]);
  expect(text.match(/\\begin\{table\*\}/g)).toHaveLength(2);
  expect(text.match(/\\label\{.*\}/g)).toEqual(["\\label{tab:table-1-1}", "\\label{tab:table-1-2}"]);
  expect(text).toContain("\\caption{Streams. Average (\\%).");
});

it("CSV: a line per number, fractions, blanks where there are none", () => {
  const lines = tableFormats.csv.render([example]).trimEnd().split("\n");
  expect(lines).toHaveLength(1 + 6);
  expect(lines[0]).toBe("table,part,method,column,mean,std,seeds,paper,difference");
  expect(lines[1]).toBe(`table-1,Last (%),codyra,dtd,0.6512,0.004,8 9,0.651,${0.6512 - 0.651}`);
  expect(lines[4]).toBe("table-1,Last (%),lora,Mean,0.9,0,8,,");
  expect(lines[5]).toBe("table-1,Last (%),zscl,dtd,,,,0.435,");
});

it("JSON: the same, with what is missing", () => {
  const [table] = JSON.parse(tableFormats.json.render([example]));
  expect(table).toMatchObject({ number: 1, missing: [{ seeds: [8, 9] }] });
  expect(table.parts[0].rows[1].values[1]).toEqual({ mean: 0.9, std: 0, paper: null, difference: null });
});

it("HTML: one page with everything escaped and nothing from elsewhere", () => {
  const text = tableFormats.html.render([{ ...example, title: "<b>" }]);
  expect(text).toContain("Table 1: &#60;b&#62;");
  expect(text).toContain("<td><b>65.1</b> <small>± 0.4</small></td>");
  expect(text).toContain(
    '<tr class="difference"><th scope="row">difference</th><td>0.0</td><td>+0.8</td></tr>',
  );
  expect(text).not.toMatch(/https?:|<script|<link/);
});
