import { join } from "node:path";
import { expect, test } from "vitest";
import { classFeatures, loadModel } from "../../lib/clip/index.js";
import { ConfirmedClassifier } from "../../lib/protocol/index.js";
import { generator, noGrad, packageRoot, randn, scope, type Tensor } from "../../lib/torch/index.js";
import { leaked } from "../torch/fixtures.js";

const model = loadModel(join(packageRoot, "assets/miniature-clip"));
const labels = ["circle", "square", "star", "cat", "tulip", "flag"];
const size = model.config.vision.imageSize;

/** The model's answers in float32. */
function exactly(pixels: Tensor): Tensor {
  return model.probabilities(model.logits(model.encodeImage(pixels), classFeatures(model, labels)));
}

test("gives the first labels of float32, and the exact probabilities of close calls", () => {
  scope(() =>
    noGrad(() => {
      const pixels = randn([96, 3, size, size], { generator: generator(5) });
      const expected = exactly(pixels);
      using classifier = new ConfirmedClassifier(model, labels, { batchSize: 96, images: 96 });
      const found = classifier.probabilities(pixels);
      expect(found.argmax(1).toArray()).toEqual(expected.argmax(1).toArray());
      const { images, confirmed } = classifier.closeCalls;
      expect(images).toBe(96);
      const exactRows = found.sub(expected).abs().amax([1]).le(1e-6).sum().item<number>();
      expect(exactRows).toBeGreaterThanOrEqual(confirmed);
      expect(exactRows).toBeLessThan(96); // the others are those of bfloat16
    }),
  );
});

test("leaves the model in float32, and nothing behind", () => {
  scope(() =>
    noGrad(() => {
      const pixels = randn([4, 3, size, size], { generator: generator(6) });
      const before = exactly(pixels);
      const use = () =>
        scope(() => {
          using classifier = new ConfirmedClassifier(model, labels, { batchSize: 4, images: 4 });
          classifier.probabilities(pixels);
        });
      expect(leaked(use)).toEqual({ tensors: 0, bytes: 0 });
      expect(exactly(pixels).equal(before)).toBe(true);
    }),
  );
});

test("refuses no labels and a template without a place for them", () => {
  const options = { batchSize: 1, images: 1 };
  expect(() => new ConfirmedClassifier(model, [], options)).toThrow("expected labels and templates");
  expect(() => new ConfirmedClassifier(model, labels, { ...options, template: "a photo" })).toThrow(
    "has no {}",
  );
});
