import { expect, it } from "vitest";
import { equalPrompts, loadModel } from "../../lib/clip/index.js";
import { memoryStatistics } from "../../lib/torch/index.js";

it("finds classes that no template tells apart", () => {
  const model = loadModel("assets/miniature-clip", { truncate: true });
  const long = "square ".repeat(100);
  const labels = ["circle", `${long}one`, `${long}two`, "red_square", "red square"];
  const before = memoryStatistics().liveTensors;
  expect(equalPrompts(model.tokenizer, labels)).toEqual([
    [`${long}one`, `${long}two`],
    ["red_square", "red square"],
  ]);
  expect(memoryStatistics().liveTensors).toBe(before);
  const both = [`one ${long}`, `two ${long}`, "circle"];
  expect(equalPrompts(model.tokenizer, both, [`${long} {}`])).toEqual([
    [`one ${long}`, `two ${long}`],
    [`one ${long}`, "circle"],
  ]);
  expect(equalPrompts(model.tokenizer, both, [`${long} {}`, "a {}"])).toEqual([]);
  model.dispose();
});
