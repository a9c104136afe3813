import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { metricsCommand } from "../../../lib/cli/commands/metrics.js";

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "codyra-metrics-"));
  file = join(folder, "matrix.csv");
  writeFileSync(file, "task,a,b,c\n1,50,40,30\n2,45,80,36\n3,44,76,90\n");
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

async function codyraMetrics(...args: string[]): Promise<string> {
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const command = metricsCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  await command.parseAsync(args, { from: "user" });
  return written.mock.calls.map(([text]) => text).join("");
}

describe("codyra metrics", () => {
  it("prints a table in percent", async () => {
    expect(await codyraMetrics(file)).toMatch(
      /Metric +a +b +c +Mean\n─+\nTransfer +– +40\.0 +33\.0 +36\.5\nAverage +46\.3 +65\.3 +52\.0 +54\.6\nLast +44\.0 +76\.0 +90\.0 +70\.0\nForgetting +6\.0 +4\.0 +– +5\.0\n/,
    );
  });

  it("prints JSON in fractions, null where a metric is not defined", async () => {
    const result = JSON.parse(await codyraMetrics(file, "--json"));
    expect(result.datasets).toEqual(["a", "b", "c"]);
    expect(result.transfer.columns).toEqual([null, 0.4, expect.closeTo(0.33, 12)]);
    expect(result.transfer.overall).toBeCloseTo(0.365, 12);
    expect(result.last.overall).toBeCloseTo(0.7, 12);
  });

  it("fails on a file that is not there or not a matrix", async () => {
    await expect(codyraMetrics(join(folder, "none.csv"))).rejects.toThrow(/none\.csv: cannot read/);
    await expect(codyraMetrics(file, "--unit", "fraction")).rejects.toThrow(
      /row 1, column 1 \(a\): .* from 0 to 1/,
    );
  });

  it.each([[[]], [["a.csv", "b.csv"]], [["--unit", "points", "a.csv"]], [["--colour", "a.csv"]]])(
    "refuses the usage %j",
    async (args) => {
      await expect(codyraMetrics(...args)).rejects.toMatchObject({ name: "CommanderError" });
    },
  );
});
