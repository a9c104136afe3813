import { expect, it } from "vitest";
import { csvLines } from "../../lib/report/csv.js";

it("neutralises text that spreadsheets would compute, and leaves numbers alone", () => {
  const lines = [
    ["name", "value"],
    ["=HYPERLINK(1,2)", -0.5],
    ["-rose", undefined],
    ['a "rose"', "+1"],
  ];
  expect(csvLines(lines)).toBe(`name,value\n"'=HYPERLINK(1,2)",-0.5\n'-rose,\n"a ""rose""",'+1\n`);
});
