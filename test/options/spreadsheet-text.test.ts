import { expect, it } from "vitest";
import { fromSpreadsheetText, spreadsheetText } from "../../lib/options/index.js";

it.each([
  ["=1+1", "'=1+1"],
  ["+1", "'+1"],
  ["-rose", "'-rose"],
  ["@SUM(A1)", "'@SUM(A1)"],
  ["\t=1", "'\t=1"],
  ["\r=1", "'\r=1"],
  ["＝1", "'＝1"],
  ["'=1", "''=1"],
  ["rose", "rose"],
  ["a=b", "a=b"],
  ["'quoted'", "'quoted'"],
  ["", ""],
])("%j is the cell %j, which is read back", (text, cell) => {
  expect(spreadsheetText(text)).toBe(cell);
  expect(fromSpreadsheetText(cell)).toBe(text);
});
