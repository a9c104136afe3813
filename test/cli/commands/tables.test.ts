import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { tablesCommand } from "../../../lib/cli/commands/tables.js";
import { writeRun } from "../../report/fixtures.js";

let folder: string;
let stdout: string;
let stderr: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "codyra-tables-"));
  [stdout, stderr] = ["", ""];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += text;
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    stderr += text;
    return true;
  });
  for (const method of ["lora", "codyra"])
    writeRun(join(folder, "runs", method), { method, datasets: ["digits", "flags"] });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

function tables(...args: string[]) {
  return tablesCommand()
    .exitOverride()
    .parseAsync(["--runs", join(folder, "runs"), ...args], { from: "user" });
}

it("prints Markdown of the tables that are asked for", async () => {
  await tables("--table", "1", "4");
  expect(stdout.match(/^## .*$/gm)).toEqual([
    "## Table 1: X-TAIL: Transfer, Average and Last",
    "## Table 4: Parameters that are trained, and that inference adds",
  ]);
  expect(stdout).toContain("| Method | digits | flags | Mean |");
  expect(stdout).toContain("| CoDyRA | 4.43M | 0 |"); // the arithmetic of 4,425,984 is in the tests of costs
});

it("writes one file in the format of its suffix, or one file per table into a folder", async () => {
  await tables("--to", join(folder, "all.tex"));
  expect(readFileSync(join(folder, "all.tex"), "utf8").match(/begin\{table\*\}/g)).toHaveLength(14);
  expect(stderr).toContain(
    "Table 2 lacks LwF-VR, seeds 8, 9, 10: codyra run --config configs/paper/mtil.yaml --method lwf-vr --seed 8\n",
  );
  stdout = "";
  await tables("--format", "csv", "--to", join(folder, "out"));
  expect(readdirSync(join(folder, "out"))).toEqual([1, 2, 3, 4, 5, 6].map((number) => `table-${number}.csv`));
  expect(stdout).toBe(
    [1, 2, 3, 4, 5, 6].map((number) => `${join(folder, "out", `table-${number}.csv`)}\n`).join(""),
  );
});

it("takes the costs from a file, for machines without libtorch", async () => {
  const costs = join(folder, "cost.json");
  const codyra = { method: "codyra", trainable: 1_000_000, inference: 0, explanation: "Counted elsewhere." };
  writeFileSync(costs, JSON.stringify({ methods: [codyra] }));
  await tables("--table", "4", "--costs", costs);
  expect(stdout).toContain("| CoDyRA | 1.00M | 0 |");
  writeFileSync(costs, "{}");
  await expect(tables("--costs", costs)).rejects.toThrow(/cost\.json: unexpected content/);
});

it("refuses other tables", async () => {
  await expect(tables("--table", "7")).rejects.toThrow(/Expected one of 1, 2, 3, 4, 5, 6/);
});
