import { expect, it } from "vitest";
import { inheritedNotes } from "../../lib/experiment/inherited-notes.js";
import { createMethod } from "../../lib/methods/index.js";
import type { TestSet } from "../../lib/protocol/index.js";

const groups = [
  { name: "flowers", classes: ["rose", "daisy"], templates: ["a {}."] },
  { name: "signs", classes: ["stop"], templates: ["a {}."] },
];
const shared = { covariance: "shared", words: [], wordTemplates: ["a {}."] };
const inherited = { tensors: new Map(), data: { groups, images: [4, 4, 4], ...shared } };

function notes(method: string, options: Record<string, unknown>, holdOuts: string[] = []): string[] {
  const run = { method: createMethod(method, options, "mtil"), model: { model: "june" } };
  return inheritedNotes({ ...run, holdOuts: holdOuts.map((name) => ({ name }) as TestSet) }, inherited);
}

it("says which classes are replayed, and which of them no hold-out measures", () => {
  const replays = (method: string) =>
    `june has statistics of 3 classes learned before (flowers, signs), and ${method} replays them.`;
  expect(notes("statra", {}, ["flowers", "signs"])).toEqual([replays("statra")]);
  expect(notes("lora", { replay: true }, ["signs"])).toEqual([
    replays("lora"),
    "Accuracies on flowers are not measured: name its test images under holdOuts.",
  ]);
});

it.each(["lora", "codyra", "finetune", "rail-dual"])("says that %s loses them", (method) => {
  expect(notes(method, {})).toEqual([
    `june has statistics of 3 classes learned before (flowers, signs). ${method} does not replay them, and exports of this run will have none. ` +
      "statra does; finetune, lora and codyra do with -o replay=true.",
  ]);
});

it("says nothing of a model without statistics", () => {
  const run = { method: createMethod("statra", {}, "mtil"), model: { model: "june" } };
  expect(inheritedNotes(run, undefined)).toEqual([]);
});
