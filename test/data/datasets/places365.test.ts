import { describe, expect, it } from "vitest";
import { openDataset } from "../../../lib/data/index.js";
import { images, inside, listed, plant } from "./tree.js";

const lists = {
  "categories_places365.txt": "/a/apartment_building/outdoor 1\n/a/airfield 0\n",
  "places365_val.txt": "Places365_val_00000001.jpg 1\nPlaces365_val_00000002.jpg 0\n",
};

describe("places365", () => {
  it.each([
    ["places365", "val_256", "torchvision, small images"],
    ["places365", "val_large", "torchvision, large images"],
    ["Places365", "val_256", "torchvision, small images"],
    [".", "val_256", "torchvision, small images"],
  ])("reads the lists in %s with %s", async (folder, part, layout) => {
    const root = await plant(inside(folder, { ...images(`${part}/Places365_val_00000001.jpg`), ...lists }));
    const dataset = await openDataset("places365", { root });
    expect(dataset).toMatchObject({ layout, templates: ["a photo of a {}."] });
    expect(dataset.classes).toEqual(["airfield", "outdoor apartment building"]);
    expect(listed(dataset)).toEqual({
      train: [],
      validation: [],
      test: [`1 ${part}/Places365_val_00000001.jpg`, `0 ${part}/Places365_val_00000002.jpg`],
    });
    expect(dataset.warnings).toEqual([
      "places365: expected 365 classes, got 2.",
      "places365: expected 36500 test images, got 2.",
    ]);
  });

  it.each(["places365_standard", "places365/places365_standard"])(
    "reads the easy format in %s",
    async (folder) => {
      const files = images("val/apartment_building-outdoor/2.jpg", "val/airfield/1.jpg");
      const dataset = await openDataset("places365", { root: await plant(inside(folder, files)) });
      expect(dataset.layout).toBe("easy format");
      expect(dataset.classes).toEqual(["airfield", "outdoor apartment building"]);
      expect(listed(dataset).test).toEqual([
        "0 val/airfield/1.jpg",
        "1 val/apartment_building-outdoor/2.jpg",
      ]);
    },
  );

  it("explains a line that is wrong", async () => {
    const wrong = { ...lists, "places365_val.txt": "Places365_val_00000001.jpg\n" };
    const root = await plant(inside("places365", { ...images("val_256/1.jpg"), ...wrong }));
    await expect(openDataset("places365", { root })).rejects.toThrow(
      /places365_val\.txt: expected a name and a label, got "Places365_val_00000001\.jpg"/,
    );
  });
});
