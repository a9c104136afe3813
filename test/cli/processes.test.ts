import { expect, it } from "vitest";
import { isFirstOfThose } from "../../lib/cli/processes.js";

it.each([
  [0, [1, 2], true],
  [3, [1, 2], false],
  [1, [0, 2], true],
  [2, [0], false],
  [2, [0, 1], true],
])("rank %i speaks for those that wait for %j: %s", (rank, missing, speaks) => {
  expect(isFirstOfThose(rank, missing)).toBe(speaks);
});
