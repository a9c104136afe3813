import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { contrastiveLoss } from "../../../lib/methods/index.js";
import { nn, tensor } from "../../../lib/torch/index.js";
import { expectClose } from "../../clip/fixtures.js";

interface Fixture {
  scale: number;
  labels: number[];
  images: number[][];
  texts: number[][];
  earlier: number[][];
  cases: {
    loss: "symmetric" | "released" | "image-to-text";
    labelSmoothing: number;
    withEarlier: boolean;
    textToImage: boolean;
    value: number;
    imageGradient: number[][];
    textGradient: number[][];
  }[];
}

const { scale, labels, images, texts, earlier, cases } = JSON.parse(
  readFileSync(new URL("../fixtures/losses.json", import.meta.url), "utf8"),
) as Fixture;

describe("contrastiveLoss against its definition in PyTorch", () => {
  it.each(cases)(
    "$loss, smoothing $labelSmoothing, earlier negatives $withEarlier, text to image $textToImage",
    ({ loss, labelSmoothing, withEarlier, textToImage, value, imageGradient, textGradient }) => {
      const imageFeatures = tensor(images, { requiresGrad: true });
      const textFeatures = tensor(texts, { requiresGrad: true });
      const earlierFeatures = withEarlier ? tensor(earlier) : undefined;
      const target = tensor(labels, { dtype: "int64" });
      const options = { loss, labelSmoothing, textToImage, earlierFeatures, earlierClasses: earlier.length };
      const result = contrastiveLoss(imageFeatures, textFeatures, target, tensor(scale), options);
      result.backward();
      expectClose(result, tensor(value));
      expectClose(imageFeatures.grad!, tensor(imageGradient), { what: "gradient of the images" });
      expectClose(textFeatures.grad!, tensor(textGradient), { what: "gradient of the texts" });
    },
  );
});

describe("contrastiveLoss", () => {
  const unit = (rows: number[][]) => nn.functional.normalize(tensor(rows));

  it("smooths labels as in the example of docs/specification.md, section 3.1", () => {
    const [image, texts] = [
      tensor([[1, 0]]),
      tensor([
        [1, 0],
        [0, 1],
      ]),
    ]; // logits (2, 0)
    const at = (labelSmoothing: number) =>
      contrastiveLoss(image, texts, tensor([0], { dtype: "int64" }), tensor(2), {
        loss: "image-to-text",
        labelSmoothing,
      }).item();
    expect(at(0.2)).toBeCloseTo(0.32693, 5);
    expect(at(0)).toBeCloseTo(0.12693, 5);
  });

  it("is that of CLIP where every class has one image", () => {
    const [v, u] = [unit(images.slice(0, 4)), unit(texts)];
    const pairs = tensor([0, 1, 2, 3], { dtype: "int64" });
    const logits = v.matmul(u.t()).mul(scale);
    const { crossEntropy } = nn.functional;
    const clip = crossEntropy(logits, pairs).add(crossEntropy(logits.t(), pairs)).div(2);
    expectClose(contrastiveLoss(v, u, pairs, tensor(scale), { loss: "symmetric" }), clip);
  });

  it("weights the reference's text-to-image term by one over all classes seen", () => {
    const target = tensor(labels, { dtype: "int64" });
    const at = (options: { earlierClasses: number; textToImage?: boolean }): number =>
      contrastiveLoss(unit(images), unit(texts), target, tensor(scale), {
        loss: "released",
        ...options,
      }).item();
    const imageToText = at({ earlierClasses: 0, textToImage: false });
    const [first, later] = [
      at({ earlierClasses: 0 }) - imageToText,
      at({ earlierClasses: 12 }) - imageToText,
    ];
    expect(first / later).toBeCloseTo((4 + 12) / 4, 4);
  });
});

it("the sigmoid loss takes each class of an image by itself, with the bias", () => {
  const [images, texts] = [
    tensor([[1, 0]]),
    tensor([
      [0.6, 0.8],
      [0, 1],
    ]),
  ];
  const options = { loss: "sigmoid", bias: tensor([-1]), earlierFeatures: tensor([[1, 0]]) } as const;
  const loss = contrastiveLoss(images, texts, tensor([0], { dtype: "int64" }), tensor([2]), options);
  const minusLog = (z: number) => Math.log1p(Math.exp(-z));
  expect(loss.item()).toBeCloseTo(minusLog(2 * 0.6 - 1) + minusLog(1) + minusLog(-(2 - 1)), 5);
});
