import { describe, expect, it } from "vitest";
import { zeroShotClassifier } from "../../../lib/methods/index.js";
import { generator, randn, type Tensor } from "../../../lib/torch/index.js";
import { expectClose } from "../../clip/fixtures.js";
import { tinyClip } from "../../lora/models.js";

const group = (classes: string[], ...templates: string[]) => ({ name: classes[0]!, classes, templates });

describe("zeroShotClassifier", () => {
  it("scores the classes of all groups, each with its own templates", () => {
    const model = tinyClip();
    const pixels = randn([4, 3, 32, 32], { generator: generator(2) });
    const groups = [group(["cat", "dog"], "a photo of a {}."), group(["blue"], "a {} sky", "the colour {}")];
    const scores = zeroShotClassifier({ groups }, { model })(pixels);
    expect(scores.shape).toEqual([4, 3]);
    // Softmax of the logits over one group's columns is what the model says about that group.
    for (const [first, { classes, templates }] of [[0, groups[0]!] as const, [2, groups[1]!] as const]) {
      const own = scores.narrow(1, first, classes.length).softmax(-1);
      expectClose(own, model.classify(pixels, classes, { template: templates }));
    }
    const pooled = model.classify(pixels, ["dog", "cat"]);
    expectClose(scores.narrow(1, 0, 2).softmax(-1).flip([1]), pooled);
  });

  it("gives classes with the same prompts the same score to the last bit", () => {
    const model = tinyClip();
    const template = "a photo of a {}.";
    const groups = [
      group(["cat", "dog", "bird"], template),
      group(["seals", "dog", "cat"], template),
      group(["cat"], "a drawing of a {}"),
    ];
    const scores = zeroShotClassifier(
      { groups },
      { model },
    )(randn([50, 3, 32, 32], { generator: generator(2) }));
    const column = (index: number): Tensor => scores.select(1, index);
    expect(column(5).equal(column(0))).toBe(true);
    expect(column(4).equal(column(1))).toBe(true);
    expect(column(6).allclose(column(0))).toBe(false);
  });
});
