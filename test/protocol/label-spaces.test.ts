import { describe, expect, it } from "vitest";
import {
  candidates,
  duplicateNames,
  duplicateWarnings,
  singleClassWarnings,
} from "../../lib/protocol/index.js";

const group = (name: string, ...classes: string[]) => ({ name, classes, templates: ["a photo of a {}."] });
const datasets = [
  group("pets", "cat", "dog", "newt"),
  group("flowers", "rose", "lotus"),
  group("plants", "lotus", "fern", "rose"),
];

describe("candidates", () => {
  it("are the dataset's own classes in MTIL", () => {
    for (const [index, dataset] of datasets.entries()) {
      expect(candidates("mtil", datasets, index)).toEqual({ labels: { groups: [dataset] }, offset: 0 });
    }
  });

  it("are all classes in X-TAIL, in the same columns for every dataset", () => {
    const offsets = datasets.map((_, index) => {
      const { labels, offset } = candidates("x-tail", datasets, index);
      expect(labels.groups).toEqual(datasets);
      return offset;
    });
    expect(offsets).toEqual([0, 3, 5]);
  });
});

describe("duplicateNames", () => {
  it("names each class of several datasets once", () => {
    expect(duplicateNames(datasets)).toEqual(["lotus", "rose"]);
    expect(duplicateNames(datasets.slice(0, 2))).toEqual([]);
  });
});

it("warns of one name within a dataset, and across datasets where all classes compete", () => {
  const [one, two] = [
    { name: "one", classes: ["crane", "Crane", "dog"], templates: [] },
    { name: "two", classes: ["dog", "cat"], templates: [] },
  ];
  const within = "Class names that are twice in one cannot be told apart by name: Crane.";
  const across = "Class names in more than one dataset cannot be told apart by name: dog.";
  expect(duplicateWarnings("mtil", [one, two])).toEqual([within]);
  expect(duplicateWarnings("x-tail", [one, two])).toEqual([within, across]);
  expect(duplicateWarnings("x-tail", [two])).toEqual([]);
});

it("warns of a class that competes with none", () => {
  const [cats, pets, moths] = [group("cats", "cat"), group("pets", "dog", "newt"), group("moths", "moth")];
  const warningsOf = (...names: string[]) =>
    names.map((name) => expect.stringMatching(`^${name} has one class`));
  expect(singleClassWarnings("mtil", [cats, pets])).toEqual(warningsOf("cats"));
  expect(singleClassWarnings("x-tail", [cats, pets], [moths])).toEqual(warningsOf("moths"));
  expect(singleClassWarnings("x-tail", [cats], [pets])).toEqual(warningsOf("cats"));
  expect(singleClassWarnings("x-tail", [pets])).toEqual([]);
});
