import { describe, expect, it } from "vitest";
import { classifyFiles, decodeImage, loadModel } from "../../lib/clip/index.js";
import { fixture } from "./fixtures.js";

const model = loadModel(fixture("quick-gelu"));
const labels = ["cat", "dog", "bird", "tree"];
const paths = ["tall.png", "wide.jpg", "grey.png"].map((name) => fixture("images", name));

describe("classifyFiles", () => {
  it("gives the probabilities of classify, most probable first", async () => {
    const results = await classifyFiles(model, paths, labels, { batchSize: 2 });
    expect(results.map(({ path }) => path)).toEqual(paths);
    for (const { path, predictions } of results) {
      const image = (await model.preprocessing.preprocess(await decodeImage(path))).unsqueeze(0);
      const [row] = model.classify(image, labels).toArray() as number[][];
      const probabilities = predictions.map(({ probability }) => probability);
      expect(probabilities).toEqual(probabilities.toSorted((a, b) => b - a));
      expect(predictions.map(({ label }) => label).sort()).toEqual(labels.toSorted());
      for (const { label, probability } of predictions)
        expect(probability).toBeCloseTo(row![labels.indexOf(label)]!, 6);
    }
  });

  it("keeps the best", async () => {
    const [all] = await classifyFiles(model, paths.slice(0, 1), labels);
    const [best] = await classifyFiles(model, paths.slice(0, 1), labels, { topK: 1 });
    expect(best!.predictions).toEqual(all!.predictions.slice(0, 1));
  });

  it("names the file that cannot be read", async () => {
    await expect(classifyFiles(model, [...paths, fixture("make.py")], labels)).rejects.toThrow(
      fixture("make.py"),
    );
  });
});
