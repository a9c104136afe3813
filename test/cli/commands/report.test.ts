import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { reportCommand } from "../../../lib/cli/commands/report.js";
import { writeRun } from "../../report/fixtures.js";

// Drawing a dozen figures takes a second, on a busy machine several.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "codyra-report-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

it("writes the page about all runs in a folder and prints where it is", async () => {
  for (const method of ["lora", "codyra"])
    writeRun(join(folder, method), { method, datasets: ["digits", "flags"] });
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const target = join(folder, "report.html");
  await reportCommand().parseAsync(["--runs", folder, "--to", target], { from: "user" });
  expect(written.mock.calls).toEqual([[`${target}\n`]]);
  expect(readFileSync(target, "utf8")).toContain("<title>2 datasets in a row, 2 methods compared</title>");
});

it("fails on a folder without runs", async () => {
  await expect(reportCommand().parseAsync(["--runs", folder], { from: "user" })).rejects.toThrow(
    /no run\.json/,
  );
});
