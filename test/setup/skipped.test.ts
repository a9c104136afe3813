import { expect, test } from "vitest";
import { explainSkipped } from "../../scripts/test/skipped.mjs";
import { needs } from "../needs.js";

const result = (status: string, meta: object = {}) => ({ status, meta });
const files = (...assertionResults: object[]) => ({ testResults: [{ assertionResults }] });

test("tests that were left out are counted by reason, the most frequent first", () => {
  const [chromium, cuda] = [
    needs(false, "no Chromium", "install it"),
    needs(false, "no CUDA device", "find one"),
  ];
  const lines = explainSkipped({
    testResults: [
      ...files(result("skipped", chromium.meta), result("passed", cuda.meta)).testResults,
      ...files(result("skipped", cuda.meta), result("skipped", cuda.meta), result("failed")).testResults,
    ],
  });
  expect(lines).toEqual(["2 skipped: no CUDA device (find one)", "1 skipped: no Chromium (install it)"]);
});

test("tests without a reason are counted as well", () => {
  expect(explainSkipped(files(result("skipped"), result("todo")))).toEqual([
    "1 skipped: no reason given",
    "1 skipped: not written yet",
  ]);
});

test("a run that left out nothing, or left no report, has nothing to explain", () => {
  expect(explainSkipped(files(result("passed")))).toEqual([]);
  expect(explainSkipped(undefined)).toEqual([]);
});
