import { describe, expect, it } from "vitest";
import {
  type DatasetId,
  datasetDescriptors,
  datasetIds,
  openDataset,
  type PromptSet,
  streams,
} from "../../../lib/data/index.js";
import { coopSplit, images, inside, listed, plant } from "./tree.js";

const pets = inside("oxford_pets", images("images/a_1.jpg"));
const item = (i: number, label: number, name: string) => [`a_${i}.jpg`, label, name] as const;

async function openPets(splitFile: string) {
  return openDataset("oxford_pets", {
    root: await plant({ ...pets, "oxford_pets/split_zhou_OxfordPets.json": splitFile }),
  });
}

describe("streams", () => {
  it("has the datasets of the benchmarks in order", () => {
    expect(datasetIds).toHaveLength(13);
    expect(streams.mtil.join(" ")).toBe(
      "aircraft caltech101 cifar100 dtd eurosat flowers102 food101 mnist oxford_pets stanford_cars sun397",
    );
    expect(streams["x-tail"]).toEqual(streams.mtil.filter((id) => id !== "cifar100"));
  });

  it("adds up to the published numbers of classes", () => {
    const sum = (ids: readonly DatasetId[], source: "coop" | "torchvision") =>
      ids.reduce((total, id) => total + datasetDescriptors[id].expected[source].classes, 0);
    expect(sum(streams["x-tail"], "coop")).toBe(1100);
    expect(sum(streams.mtil, "coop")).toBe(1200);
    expect(sum(streams.mtil, "torchvision")).toBe(1201);
  });
});

describe("openDataset", () => {
  it("lists the places where a missing dataset may lie", async () => {
    const root = await plant({ "readme.txt": "" });
    await expect(openDataset("dtd", { root })).rejects.toThrow(
      `Dataset dtd: expected one of these places, got none of them. Put it at one; "codyra data prepare dtd" says where to get it.\n` +
        `  ${root}/dtd/images (CoOp)\n  ${root}/dtd/dtd/images (torchvision)`,
    );
  });

  it("says how to go on without CoOp's split file", async () => {
    const root = await plant(pets);
    await expect(openDataset("oxford_pets", { root })).rejects.toThrow(
      /expected CoOp's split file .* got none\. Download it .*\n {2}.*\/oxford_pets\/split_zhou_OxfordPets\.json\n/,
    );
  });

  it("takes class names from the training part and gaps as damage", async () => {
    const valid = coopSplit([item(1, 1, "b"), item(2, 0, "a")], [item(3, 0, "other")], [item(4, 1, "b")]);
    expect((await openPets(valid)).classes).toEqual(["a", "b"]);
    await expect(openPets(coopSplit([item(1, 0, "a"), item(2, 0, "b")], [], []))).rejects.toThrow(
      /OxfordPets\.json: expected one name for each label, got "a" and "b" for label 0/,
    );
    await expect(openPets(coopSplit([item(1, 1, "a")], [], []))).rejects.toThrow(
      /expected images of every label, got none of label 0/,
    );
    await expect(openPets(coopSplit([], [], []))).rejects.toThrow(/got none of label 0/);
    await expect(openPets(coopSplit([item(1, 1e15, "a")], [], []))).rejects.toThrow(
      /expected labels from 0 to/,
    );
    await expect(openPets(coopSplit([item(1, 0, "a")], [], [item(2, 1, "b")]))).rejects.toThrow(
      /oxford_pets: expected labels from 0 to 0, got 1 for images\/a_2\.jpg/,
    );
  });

  it("explains a split file of another form", async () => {
    await expect(openPets("{}")).rejects.toThrow(/expected lists of \[path, label, class name\] .* at train/);
    await expect(openPets('{"train": [["a.jpg", "0", "a"]], "val": [], "test": []}')).rejects.toThrow(
      /at train\.0\.1: /,
    );
    await expect(openPets('{"train": [["../a.jpg", 0, "a"]], "val": [], "test": []}')).rejects.toThrow(
      /expected the lists to name images inside of it, got "\.\.\/a\.jpg"/,
    );
  });

  it("draws by CoOp's rule on request: the same split for the same seed", async () => {
    const list = Array.from({ length: 10 }, (_, i) => `beagle_${i} 1 2 1`).join("\n");
    const root = await plant({
      ...pets,
      "oxford_pets/annotations/trainval.txt": list,
      "oxford_pets/annotations/test.txt": "beagle_99 1 2 1",
    });
    const draw = async (seed: number) => openDataset("oxford_pets", { root, drawSplit: { seed } });
    const dataset = await draw(7);
    expect([dataset.train.length, dataset.validation.length]).toEqual([8, 2]);
    expect(listed(dataset).test).toEqual(["0 images/beagle_99.jpg"]);
    expect(dataset.split).toEqual({ trainFraction: 0.8, seed: 7 });
    expect(dataset.warnings[0]).toMatch(/drawn with seed 7: results cannot be compared/);
    expect(listed(await draw(7))).toEqual(listed(dataset));
    expect(listed(await draw(8))).not.toEqual(listed(dataset));
  });

  it("names wrong options", async () => {
    const root = await plant(pets);
    await expect(openDataset("imagenet" as DatasetId, { root })).rejects.toThrow(
      /Dataset imagenet: expected one of aircraft, .* got an unknown name/,
    );
    const split = coopSplit([item(1, 0, "a")], [], []);
    const tree = { ...pets, "oxford_pets/split_zhou_OxfordPets.json": split };
    await expect(
      openDataset("oxford_pets", { root: await plant(tree), promptSet: "clip" as PromptSet }),
    ).rejects.toThrow(/Prompt set: expected per-dataset, rail, mtil, got clip/);
  });
});
