import { expect, it } from "vitest";
import { inheritedNotes } from "../../lib/experiment/inherited-notes.js";
import { createMethod, type LabelGroup, type MethodState } from "../../lib/methods/index.js";
import type { TestSet } from "../../lib/protocol/index.js";

const groups = [
  { name: "flowers", classes: ["rose", "daisy"], templates: ["a {}."] },
  { name: "signs", classes: ["stop"], templates: ["a {}."] },
];
const shared = { covariance: "shared", words: [], wordTemplates: ["a {}."] };
const inherited = { tensors: new Map(), data: { groups, images: [4, 4, 4], ...shared } };

function notes(
  method: string,
  options: Record<string, unknown>,
  {
    holdOuts = [],
    tasks = [],
    state = inherited,
  }: { holdOuts?: string[]; tasks?: LabelGroup[]; state?: MethodState } = {},
): string[] {
  const run = { method: createMethod(method, options, "mtil"), model: { model: "june" } };
  return inheritedNotes({ ...run, holdOuts: holdOuts.map((name) => ({ name }) as TestSet) }, tasks, state);
}

it("says which classes are replayed, and which of them no hold-out measures", () => {
  const signs = { name: "signs", classes: ["give way"], templates: ["a {}."] };
  const replays = (method: string) =>
    `june has statistics of 3 classes learned before (flowers, signs), and ${method} replays them.`;
  expect(notes("statra", {}, { holdOuts: ["flowers"], tasks: [signs] })).toEqual([replays("statra")]);
  expect(notes("lora", { replay: true }, { holdOuts: ["signs"] })).toEqual([
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
  expect(inheritedNotes(run, [], undefined)).toEqual([]);
});

it("says that the first text encoder is dropped where the method does not keep it", () => {
  const state = { ...inherited, data: { ...inherited.data, firstTexts: { inherited: 0 } } };
  const dropped = "The first text encoder among them is dropped: unlearnedTexts=first keeps it.";
  expect(notes("statra", {}, { state })).toContain(dropped);
  expect(notes("statra", { unlearnedTexts: "first" }, { state })).not.toContain(dropped);
});

it("names classes that were learned before by the same name, in any case", () => {
  const tasks = [{ name: "shop", classes: ["Rose ", "lamp", "stop"], templates: ["a {}."] }];
  const again = notes("statra", {}, { tasks }).filter((line) => line.startsWith("Learned before"));
  expect(again).toEqual([expect.stringContaining("by the same names: Rose, stop. The statistics of both")]);
  expect(notes("lora", {}, { tasks }).join()).not.toContain("Learned before");
});
