import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { costComparison, paperTables, tableFormats } from "../../../lib/report/index.js";
import { hasLatex } from "../../../scripts/setup/programs.mjs";
import { needs } from "../../needs.js";
import { paperRuns } from "./runs.js";

const needsLatex = needs(
  await hasLatex(),
  "no LaTeX with booktabs",
  "`apt install texlive-latex-recommended`",
);

it("LaTeX with booktabs compiles the tables, and no line is too wide", needsLatex, () => {
  const folder = mkdtempSync(join(tmpdir(), "codyra-latex-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { runs } = paperRuns([8, 9].map((seed) => ({ method: "codyra", seed })));
  const costs = {
    methods: [{ method: "codyra", trainable: 4_425_984, inference: 0, explanation: "r_m & 5 %." }],
  };
  const tables = tableFormats.latex.render([...paperTables(runs), costComparison(costs)]);
  writeFileSync(
    join(folder, "tables.tex"),
    `\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n${tables}\\end{document}\n`,
  );
  const { status, stdout } = spawnSync(
    "pdflatex",
    ["-interaction=nonstopmode", "-halt-on-error", "-draftmode", "tables.tex"],
    { cwd: folder, encoding: "utf8" },
  );
  expect(status, stdout).toBe(0);
  expect(stdout).not.toMatch(/Overfull|too large/);
});
