import { expect, it } from "vitest";
import { classFeatures } from "../../lib/clip/index.js";
import { createMethod, type LabelGroup } from "../../lib/methods/index.js";
import { scope } from "../../lib/torch/index.js";
import { tinyClip } from "../lora/models.js";
import { colourTasks, recordedContext } from "./tasks.js";

const options = {
  ...{ iterations: 3, batchSize: 9, rank: 2, learningRate: 0.05, wordCount: 10, crops: 1 },
  unlearnedTexts: "first",
};

it("first: names that were not learned are read as before the first task, bit by bit", async () => {
  const model = tinyClip();
  const group = (classes: readonly string[], templates = ["a {} photo."]): LabelGroup => ({
    name: "any",
    classes,
    templates,
  });
  const before = (classes: readonly string[], templates?: string[]) =>
    classFeatures(model, classes, templates ?? ["a {} photo."]);
  const unlearned = ["cat", "dark", "bright"];
  const templates = ["a {} photo.", "one {}."];
  const first = {
    one: before(unlearned),
    both: before(unlearned, templates),
    learned: before(["red", "blue"]),
  };

  const context = recordedContext(model);
  const method = createMethod("statra", options, "x-tail");
  const [task] = colourTasks();
  await method.beginRun?.(context);
  await method.beginTask(task!, context);
  await method.trainTask(task!, context);
  await method.endTask(task!, context);

  scope(() => {
    const now = (...groups: LabelGroup[]) => method.featureClassifier!({ groups }, context).classFeatures!;
    expect(now(group(unlearned)).equal(first.one)).toBe(true);
    expect(now(group(unlearned, templates)).equal(first.both)).toBe(true);
    expect(now(group(["red", "blue"])).equal(before(["red", "blue"]))).toBe(true);
    expect(now(group(["red", "blue"])).equal(first.learned)).toBe(false);

    // A name counts as the tokenizer reads it, in whatever dataset it stands.
    const mixed = now(group(["cat", "Blue ", "dark", "RED", "bright"]));
    const rows = (...indices: number[]) => indices.map((i) => mixed.select(0, i));
    const expected = [...[0, 1, 2].map((i) => first.one.select(0, i)), before(["blue"]), before(["red"])];
    for (const [i, row] of rows(0, 2, 4, 1, 3).entries())
      expect(
        row
          .sub(expected[i]!.view([-1]))
          .abs()
          .max()
          .item(),
      ).toBeLessThan(1e-6);
  });
  method.dispose?.();
});

it("first: outside of a run is refused in words", () => {
  const method = createMethod("statra", options, "x-tail");
  const labels = { groups: [{ name: "any", classes: ["cat"], templates: ["a {}."] }] };
  expect(() => method.classifier(labels, recordedContext(tinyClip()))).toThrow(
    "unlearnedTexts: expected to classify during a run, or by an exported head, got neither.",
  );
});

it.each(["codyra-routed", "codyra+rail-dual", "codyra+rail-primal"])("first: is refused by %s", (name) => {
  const given = { replay: { unlearnedTexts: "first" } };
  expect(() => createMethod(name, given, "x-tail")).toThrow(
    `replay.unlearnedTexts: expected current, since ${name} classifies by more than names, got first.`,
  );
});

it("first: goes on from statistics that came with that encoder, and wants them", async () => {
  const model = tinyClip();
  const first = classFeatures(model, ["cat"], ["a {} photo."]);
  const [task, next] = colourTasks();
  const learn = async (inherited?: ReturnType<ReturnType<typeof createMethod>["state"]>, given = options) => {
    const method = createMethod("statra", given, "x-tail");
    const context = recordedContext(model, { inherited });
    const learned = inherited === undefined ? task! : next!;
    await method.beginRun?.(context);
    await method.beginTask(learned, context);
    await method.trainTask(learned, context);
    await method.endTask(learned, context);
    return { method, context };
  };
  const cat = { groups: [{ name: "any", classes: ["cat"], templates: ["a {} photo."] }] };
  const month = await learn();
  const state = month.method.state();
  const text = Array.from(state.tensors.keys()).filter((name) => name.startsWith("first."));
  expect(text.length).toBeGreaterThan(0);
  expect(text.every((name) => name.startsWith("first.text_model.encoder.layers."))).toBe(true);

  const later = await learn(state);
  scope(() => {
    const { classFeatures: now } = later.method.featureClassifier!(cat, later.context);
    expect(now!.equal(first)).toBe(true);
    expect(classFeatures(model, ["cat"], ["a {} photo."]).equal(first)).toBe(false);
  });
  expect(later.method.stateAfter!(0, later.method.state())!.data.groups).toMatchObject([{ name: "colours" }]);

  const without = await learn(undefined, { ...options, unlearnedTexts: "current" });
  await expect(learn(without.method.state())).rejects.toThrow(
    "expected statistics that came with the first text encoder, got some without",
  );
  for (const { method } of [month, later, without]) method.dispose?.();
});
