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
  expect(columnNamed(["image_path", "Image Path"], "image path")).toBe("Image Path");
  expect(columnNamed(["set"], "split")).toBeUndefined();
});

it("takes the first usual name that is written so, else one that is written in another way", () => {
  expect(columnAmong(["path", "image"], pathColumns)).toBe("image");
  expect(columnAmong(["Image_ID", "Class"], pathColumns)).toBe("Image_ID");
  expect(columnAmong(["Label", "class"], labelColumns)).toBe("class");
  expect(columnAmong(["label_name", "label"], labelColumns)).toBe("label");
  expect(columnAmong(["File Name", "FilePath"], pathColumns)).toBe("FilePath");
  expect(columnAmong(["id"], pathColumns)).toBeUndefined();
});

it("takes a loose name where there is none of the usual ones in any way of writing", () => {
  expect(columnAmong(["img", "Image", "target", "LABEL"], pathColumns)).toBe("Image");
  expect(columnAmong(["img", "Image", "target", "LABEL"], labelColumns)).toBe("LABEL");
  expect(columnAmong(["cls", "Class Name"], labelColumns)).toBe("Class Name");
  expect(columnAmong(["Image_ID", "Cls"], labelColumns)).toBe("Cls");
});
