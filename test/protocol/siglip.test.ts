import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadModel } from "../../lib/clip/index.js";
import { createMethod } from "../../lib/methods/index.js";
import { fixture } from "../clip/fixtures.js";
import { tinySiglip } from "../clip/siglip.js";
import { everyMethod, tinyReference } from "./tiny-methods.js";
import { readJson, temporaryFolder, tinyRun } from "./tiny-run.js";

const routesByClassToken = ["moe-adapter", "dac"];

describe("on a SigLIP", () => {
  it.each(everyMethod.filter(([name]) => !routesByClassToken.includes(name)))(
    "%s learns two tasks",
    async (name, options) => {
      const directory = temporaryFolder();
      const model = tinySiglip();
      const method = createMethod(name, options, "x-tail");
      const reference = tinyReference();
      const before = model.logitBias!.item();
      const { matrix } = await tinyRun(directory, { model, method, reference });
      expect(matrix.map((row) => row.length)).toEqual([2, 2]);
      expect(matrix.flat().every((value) => value >= 0 && value <= 1)).toBe(true);
      expect(model.logitBias!.item()).toBe(before);
    },
  );

  it.each(routesByClassToken)("%s is refused before anything is written", async (name) => {
    const directory = temporaryFolder();
    const options = everyMethod.find(([other]) => other === name)![1];
    const attempt = tinyRun(directory, {
      model: tinySiglip(),
      method: createMethod(name, options, "x-tail"),
    });
    await expect(attempt).rejects.toThrow(`${name}: expected a model with a class token`);
    expect(existsSync(`${directory}/run.json`)).toBe(false);
  });

  it("the sigmoid loss trains too, and adapters name the class of their model", async () => {
    const directory = temporaryFolder();
    const options = { iterations: 4, batchSize: 9, learningRate: 0.05, rank: 2, loss: "sigmoid" };
    await tinyRun(directory, { model: tinySiglip(), method: createMethod("lora", options, "x-tail") });
    const { auto_mapping } = readJson(directory, "adapters/task-0/adapter_config.json");
    expect(auto_mapping.base_model_class).toBe("SiglipModel");
  });
});

it("the sigmoid loss is refused where the model has no bias", async () => {
  const method = createMethod("lora", { loss: "sigmoid" }, "x-tail");
  const attempt = tinyRun(temporaryFolder(), { model: loadModel(fixture("quick-gelu")), method });
  await expect(attempt).rejects.toThrow("lora: expected a model with a bias of its logits for loss=sigmoid");
});
