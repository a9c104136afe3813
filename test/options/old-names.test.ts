import { expect, it } from "vitest";
import { createMethod } from "../../lib/methods/index.js";
import { withCurrentNames } from "../../lib/options/index.js";

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
