import { describe, expect, it } from "vitest";
import { loadModel } from "../../lib/clip/index.js";
import { classifyFiles } from "../../lib/data/index.js";
import { fixture } from "../clip/fixtures.js";
import { needsPeers, runPeer } from "./python.js";

const directory = fixture("quick-gelu");
const labels = ["cat", "dog", "bird", "tree"];
const paths = ["tall.png", "wide.jpg", "grey.png", "alpha.png"].map((name) => fixture("images", name));

describe("classifyFiles", needsPeers, () => {
  it("agrees with transformers from image files to probabilities", async () => {
    const template = "a photo of a {}.";
    const expected = (await runPeer(
      "classify.py",
      directory,
      template,
      labels.join(),
      ...paths,
    )) as number[][];
    let image = 0;
    for await (const result of classifyFiles(loadModel(directory), paths, labels, { template })) {
      const predictions = "error" in result ? [] : result.predictions;
      expect(predictions).toHaveLength(labels.length);
      // 2e-3: resized pixels differ by up to one of 255 levels.
      for (const { label, probability } of predictions) {
        const difference = Math.abs(probability - expected[image]![labels.indexOf(label)]!);
        expect(difference, `${result.path}: ${label}`).toBeLessThan(2e-3);
      }
      image++;
    }
    expect(image).toBe(paths.length);
  });
});
