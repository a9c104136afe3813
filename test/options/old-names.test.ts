import { expect, it } from "vitest";
import { createMethod } from "../../lib/methods/index.js";
import { withCurrentNames, withRenamed } from "../../lib/options/index.js";

it("values that earlier versions called otherwise mean what they meant", () => {
  const before = createMethod("codyra", { preset: "reference-code", loss: "reference" }, "x-tail");
  const now = createMethod("codyra", { preset: "released", loss: "released" }, "x-tail");
  expect(before.options).toEqual(now.options);
  expect(now.options).toMatchObject({ preset: "released", threshold: "in-place" });
});

it("other values stay, whatever they are", () => {
  const given = { preset: "toString", loss: 0, reference: "reference", name: null, list: ["reference"] };
  expect(withCurrentNames(given)).toEqual(given);
});

it("options that earlier versions called otherwise have their names of today", () => {
  const names = { steps: "iterations" };
  expect(withRenamed({ steps: 3, seed: 1 }, names)).toEqual({ iterations: 3, seed: 1 });
  expect(withRenamed({ toString: 3 }, names)).toEqual({ toString: 3 });
});
