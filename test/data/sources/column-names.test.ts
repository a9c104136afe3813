import { expect, it } from "vitest";
import {
  columnAmong,
  columnNamed,
  labelColumns,
  pathColumns,
} from "../../../lib/data/sources/column-names.js";

it("knows columns in any case and with any separators", () => {
  expect(columnNamed(["Image Path", "Class-Name"], "image_path")).toBe("Image Path");
  expect(columnNamed([" Split "], "split")).toBe(" Split ");
  expect(columnNamed(["SPLIT", "split"], "split")).toBe("split");
  expect(columnNamed(["set"], "split")).toBeUndefined();
});

it("takes the first usual name that is written so, else one that is written in another way", () => {
  expect(columnAmong(["path", "image"], pathColumns)).toBe("image");
  expect(columnAmong(["Image_ID", "Class"], pathColumns)).toBe("Image_ID");
  expect(columnAmong(["Label", "class"], labelColumns)).toBe("class");
  expect(columnAmong(["label_name", "label"], labelColumns)).toBe("label");
  expect(columnAmong(["id"], pathColumns)).toBeUndefined();
});
