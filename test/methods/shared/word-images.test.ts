import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { fitImageTextMap, WordImages } from "../../../lib/methods/shared/word-images.js";
import { scope, tensor } from "../../../lib/torch/index.js";

// Computed by fixtures/make-statra.py in float64; ours is float32, so 1e-5 is a hundred times its epsilon.
const { wordImages: expected } = JSON.parse(
  readFileSync(new URL("../fixtures/statra.json", import.meta.url), "utf8"),
);

it("words lie where images of them would, with the residual of an image at hand", () => {
  scope(() => {
    const labels = tensor(expected.labels, { dtype: "int64" });
    using images = new WordImages(tensor(expected.features), labels, tensor(expected.texts));
    const words = tensor(expected.words);
    const used = new Set<number>();
    for (let draw = 0; draw < 8; draw++) {
      const drawn = images.draw(words, `draw ${draw}`).toArray() as number[][];
      for (const [j, vector] of drawn.entries()) {
        const distances = (expected.every[j] as number[][]).map((row) =>
          Math.max(...row.map((value, i) => Math.abs(value - (vector[i] as number)))),
        );
        const nearest = distances.indexOf(Math.min(...distances));
        expect(distances[nearest]).toBeLessThan(1e-5);
        used.add(nearest);
      }
    }
    expect(used.size).toBeGreaterThan(8); // of 12 residuals
    const again = images.draw(words, "draw 0").toArray();
    expect(again).toEqual(images.draw(words, "draw 0").toArray());
  });
});

it("the scale is that of least squares", () => {
  scope(() => {
    const texts = tensor([
      [1, 0],
      [0, 1],
      [1, 1],
    ]);
    const { scale, imageMean } = fitImageTextMap(texts.mul(0.4).add(3), texts);
    expect(scale).toBeCloseTo(0.4, 6);
    expect(imageMean.toArray()).toEqual([expect.closeTo(3 + 0.8 / 3, 5), expect.closeTo(3 + 0.8 / 3, 5)]);
  });
});
