import { describe, expect, it } from "vitest";
import { openDataset } from "../../../lib/data/index.js";
import { images, inside, listed, plant } from "./tree.js";

const files = {
  ...images("images/0034309.jpg"),
  "variants.txt": "707-320\nF-16A/B\nDHC-8-100\nModel 1 Mark II\n",
  "images_variant_train.txt":
    "1025794 F-16A/B\r\n1340192 707-320\r\n0056978 Model 1 Mark II\r\n0698580 DHC-8-100\r\n",
  "images_variant_val.txt": "1042824 707-320\n",
  "images_variant_test.txt": "1514522 Model 1 Mark II\n0747566 707-320\n",
};

describe("aircraft", () => {
  it.each([
    ["fgvc_aircraft", "CoOp"],
    ["fgvc-aircraft-2013b/data", "torchvision"],
  ])("reads the official lists in %s", async (folder, layout) => {
    const root = await plant(inside(folder, files));
    for (const splitSource of ["coop", "torchvision"] as const) {
      const dataset = await openDataset("aircraft", { root, splitSource });
      expect(dataset).toMatchObject({ name: "aircraft", layout, split: "given" });
      expect(dataset.classes).toEqual(["707-320", "F-16A/B", "DHC-8-100", "Model 1 Mark II"]);
      expect(dataset.templates).toEqual(["a photo of a {}, a type of aircraft."]);
      expect(listed(dataset)).toEqual({
        train: [
          "1 images/1025794.jpg",
          "0 images/1340192.jpg",
          "3 images/0056978.jpg",
          "2 images/0698580.jpg",
        ],
        validation: ["0 images/1042824.jpg"],
        test: ["3 images/1514522.jpg", "0 images/0747566.jpg"],
      });
      expect(dataset.warnings).toContain("aircraft: expected 3334 training images, got 4.");
    }
  });

  it("names a line that is wrong, and a list that is missing", async () => {
    const wrong = { ...files, "images_variant_val.txt": "1042824 Concorde\n" };
    await expect(
      openDataset("aircraft", { root: await plant(inside("fgvc_aircraft", wrong)) }),
    ).rejects.toThrow(/images_variant_val\.txt: expected an image number .*, got "1042824 Concorde"/);
    const missing = inside("fgvc_aircraft", images("images/0034309.jpg"));
    await expect(openDataset("aircraft", { root: await plant(missing) })).rejects.toThrow(
      /variants\.txt: expected a part of the dataset, got ENOENT/,
    );
  });
});
