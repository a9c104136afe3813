import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { formatPercent, readRun, resultsSvg } from "../../lib/report/index.js";
import { writeRun } from "./fixtures.js";

// Loading the plotting library takes a second, on a busy machine several.
it("resultsSvg draws the value of every metric and stands alone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "codyra-results-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const runs = ["zero-shot", "codyra"].map((method) => readRun(writeRun(join(folder, method), { method })));
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
