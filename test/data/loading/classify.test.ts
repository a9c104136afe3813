import { describe, expect, it } from "vitest";
import { decodeImage, loadModel } from "../../../lib/clip/index.js";
import {
  type ClassifyFilesOptions,
  classifyFiles,
  type FileClassification,
  type Prediction,
} from "../../../lib/data/index.js";
import { memoryStatistics, scope } from "../../../lib/torch/index.js";
import { fixture } from "../../clip/fixtures.js";
import { wideClip } from "../../clip/wide-clip.js";

const model = loadModel(fixture("quick-gelu"));
const labels = ["cat", "dog", "bird", "tree"];
const paths = ["tall.png", "wide.jpg", "grey.png", "alpha.png"].map((name) => fixture("images", name));

async function classify(files: readonly string[], options?: ClassifyFilesOptions) {
  const results: FileClassification[] = [];
  for await (const result of classifyFiles(model, files, labels, options)) results.push(result);
  return results;
}

const predictionsOf = (result: FileClassification) => ("error" in result ? [] : result.predictions);

/** 1e-6: sums of another batch size differ in the last bits. */
function expectClose(actual: FileClassification, wanted: readonly Prediction[]): void {
  const close = wanted.map(({ label, probability }) => ({
    label,
    probability: expect.closeTo(probability, 6),
  }));
  expect(predictionsOf(actual)).toEqual(close);
}

describe("classifyFiles", () => {
  it("gives the probabilities of classify, most probable first, whatever the batches", async () => {
    const results = await classify(paths, { batchSize: 3 });
    expect(results.map(({ path }) => path)).toEqual(paths);
    for (const result of results) {
      using image = await model.preprocessing.preprocess(await decodeImage(result.path));
      const [row] = scope(() => model.classify(image.unsqueeze(0), labels).toArray() as number[][]);
      const ranking = labels.map((label, i) => ({ label, probability: row![i]! }));
      expectClose(
        result,
        ranking.sort((a, b) => b.probability - a.probability),
      );
    }
  });

  it("gives them also with weights packed for many images", async () => {
    const wide = wideClip();
    const probabilitiesOf = async (images: number) => {
      const found: number[] = [];
      for await (const result of classifyFiles(wide, paths, ["circle", "square"], { images }))
        found.push(...predictionsOf(result).map(({ probability }) => probability));
      return found;
    };
    const plain = await probabilitiesOf(4);
    const packed = await probabilitiesOf(64);
    expect(packed).toEqual(plain.map((probability) => expect.closeTo(probability, 5)));
  });

  it("keeps the best", async () => {
    const [all] = await classify(paths.slice(0, 1));
    const [best] = await classify(paths.slice(0, 1), { topK: 1 });
    expect(predictionsOf(best!)).toEqual(predictionsOf(all!).slice(0, 1));
  });

  it("averages over templates", async () => {
    const template = ["a photo of a {}.", "a drawing of a {}."];
    const [averaged] = await classify(paths.slice(0, 1), { template });
    const [single] = await classify(paths.slice(0, 1));
    expect(predictionsOf(averaged!)).not.toEqual(predictionsOf(single!));
  });

  it.each([1, 2, 8])("tells in its place what cannot be read, in batches of %i", async (batchSize) => {
    const bad = [fixture("make.py"), fixture("images", "none.png")];
    const files = [bad[0]!, paths[0]!, bad[1]!, paths[1]!, bad[0]!];
    const results = await classify(files, { batchSize });
    expect(results.map(({ path }) => path)).toEqual(files);
    expect(results.map((result) => "error" in result)).toEqual([true, false, true, false, true]);
    expect(results[0]).toMatchObject({ error: expect.stringMatching(/unsupported image format/) });
    expect(results[2]).toMatchObject({ error: expect.stringMatching(/ENOENT/) });
    const [alone] = await classify(paths.slice(0, 1));
    expectClose(results[1]!, predictionsOf(alone!));
  });

  it("releases every tensor, also when left early", async () => {
    await classify(paths);
    const before = memoryStatistics().liveTensors;
    await classify([...paths, fixture("make.py")], { batchSize: 2 });
    for await (const _ of classifyFiles(model, [...paths, ...paths], labels, { batchSize: 1 })) break;
    expect(memoryStatistics().liveTensors).toBe(before);
  });

  it("stops when it is told to", async () => {
    const stopped = classify(paths, { signal: AbortSignal.abort() });
    await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
  });
});
