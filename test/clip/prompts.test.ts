import { describe, expect, it } from "vitest";
import { classFeatures, classPrompts, fillTemplate, loadModel } from "../../lib/clip/index.js";
import { memoryStatistics, nn } from "../../lib/torch/index.js";
import { expectClose, fixture } from "./fixtures.js";

describe("fillTemplate", () => {
  it("puts the name in, with spaces for underscores", () => {
    expect(fillTemplate("a photo of a {}.", "polar_bear")).toBe("a photo of a polar bear.");
    expect(classPrompts(["cat", "$& dog"])).toEqual(["a photo of a cat.", "a photo of a $& dog."]);
  });

  it("refuses a template without a place for the name", () => {
    expect(() => fillTemplate("a photo", "cat")).toThrow("Template 'a photo' has no {}");
  });
});

describe("classFeatures", () => {
  const model = loadModel(fixture("quick-gelu"));
  const labels = ["cat", "dog", "blue_bird"];
  const templates = ["a photo of a {}.", "a drawing of the {}"];
  const encode = (template: string) =>
    nn.functional.normalize(model.encodeText(model.tokenizer.encode(classPrompts(labels, template))));

  it("is the normalised text features of one template", () => {
    expectClose(classFeatures(model, labels, templates[0]), encode(templates[0]!));
  });

  it("averages several templates, normalised before and after", () => {
    const mean = encode(templates[0]!).add(encode(templates[1]!)).div(2);
    expectClose(classFeatures(model, labels, templates), nn.functional.normalize(mean));
  });

  it("does not depend on the chunks, records no gradients and keeps only the result", () => {
    model.requiresGrad_(true);
    const whole = classFeatures(model, labels, templates);
    const before = memoryStatistics().liveTensors;
    const chunked = classFeatures(model, labels, templates, { chunk: 4 });
    expect(memoryStatistics().liveTensors).toBe(before + 1);
    expect(chunked.requiresGrad).toBe(false);
    expectClose(chunked, whole, { rtol: 0, atol: 1e-6 });
    model.requiresGrad_(false);
  });

  it("needs labels", () => {
    expect(() => classFeatures(model, [])).toThrow("expected labels and templates, got 0 and 1");
  });
});
