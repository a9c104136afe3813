import { describe, expect, it } from "vitest";
import { isPartName, partOfName, partsOfPaths } from "../../../lib/data/sources/part-names.js";

describe("partOfName", () => {
  it.each([
    ["imagenet1k-train-0000.tar", "train"],
    ["Training", "train"],
    ["trainImages", "train"],
    ["VOC_train-val", "train"],
    ["shop.valid.parquet", "validation"],
    ["DEV_2", "validation"],
    ["val2017", "validation"],
    ["testing-00000-of-00001.parquet", "test"],
    ["test-train-3", "train"],
    ["TrainingSet", "train"],
    ["trainingset", "train"],
    ["validationset", "validation"],
    ["testset_2", "test"],
    ["constraint", undefined],
    ["latest", undefined],
  ])("%s", (name, part) => expect(partOfName(name)).toBe(part));

  it("takes parts of paths only where all tell one", () => {
    expect(partsOfPaths(["train/a.jpg", "b_test.jpg"])).toEqual(["train", "test"]);
    expect(partsOfPaths(["train/a.jpg", "b.jpg"])).toBeUndefined();
  });
});

it("a name in several words for a part is nothing but that", () => {
  for (const name of ["Training Set", "test_set", "Validation-Set", "dev set"])
    expect(isPartName(name)).toBe(true);
  for (const name of ["train station", "settest", "train images"]) expect(isPartName(name)).toBe(false);
});
