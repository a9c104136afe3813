import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { codyra, temporaryFolder } from "./cli.js";

it("codyra demo compares methods on the miniature world without downloads", async () => {
  const directory = join(temporaryFolder(), "demo");
  const { code, stdout, stderr } = await codyra(
    "demo",
    "--methods",
    "zero-shot",
    "--output",
    directory,
    "--json",
  );
  expect(code, stderr).toBe(0);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ directory, runs: [{ method: "zero-shot" }] });
  const { datasets, matrix, zeroShot } = JSON.parse(
    readFileSync(join(directory, "zero-shot", "matrix.json"), "utf8"),
  );
  expect(datasets.length).toBeGreaterThanOrEqual(6);
  expect(matrix).toEqual(datasets.map(() => zeroShot));
  const { transfer, average, last } = result.runs[0].metrics;
  expect(average.columns).toEqual(last.columns.map((value: number) => expect.closeTo(value, 12)));
  expect(last.columns).toEqual(zeroShot);
  // The accuracy that published results start from, give or take the rounding of another CPU.
  expect(average.overall).toBeCloseTo(0.461, 2);
  expect(transfer.overall).toBeCloseTo(0.46, 2);
  expect(existsSync(join(directory, "report.html"))).toBe(true);
  expect(stderr).toContain(`Miniature X-TAIL: ${datasets.length} domains (${datasets.join(", ")})`);

  const again = await codyra("demo", "--methods", "zero-shot", "--output", directory, "--resume");
  expect(again.code, again.stderr).toBe(0);
  expect(again.stdout).toContain(`Run files  ${directory}\n`);
  expect(again.stdout).toContain("zero-shot ends highest, at ");
  for (const metric of ["Transfer", "Average", "Last"]) expect(again.stdout).toContain(metric);
});

it("codyra demo starts from another model when one is named", async () => {
  const directory = join(temporaryFolder(), "demo");
  const args = ["--model", "miniature", "--methods", "zero-shot", "--output", directory, "--json"];
  const { code, stdout, stderr } = await codyra("demo", ...args);
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout).runs[0].metrics.average.overall).toBeCloseTo(0.303, 2);
  const record = JSON.parse(readFileSync(join(directory, "zero-shot", "run.json"), "utf8"));
  expect(record.config.model).toBe("miniature");
});
