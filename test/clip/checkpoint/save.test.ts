import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadModel, saveModel } from "../../../lib/clip/index.js";
import { safetensors } from "../../../lib/torch/index.js";
import { fixture, temporaryDirectory } from "../fixtures.js";

describe("saveModel", () => {
  it("writes what loadModel reads back bit by bit, with the keys that transformers wrote", () => {
    const directory = join(temporaryDirectory(), "a", "model");
    const model = loadModel(fixture("quick-gelu"));
    saveModel(model, directory);

    const again = loadModel(directory);
    expect(again.config).toEqual(model.config);
    const state = again.stateDict();
    for (const [key, parameter] of model.stateDict())
      expect(parameter.equal(state.get(key)!), key).toBe(true);
    const published = safetensors.load(fixture("quick-gelu", "model.safetensors"));
    const written = safetensors.load(join(directory, "model.safetensors"));
    expect([...written.tensors.keys()].sort()).toEqual([...published.tensors.keys()].sort());
    expect(written.metadata).toEqual({ format: "pt" });
  });

  it("copies tokenizer and preprocessing files", () => {
    const directory = join(temporaryDirectory(), "model");
    saveModel(loadModel(fixture("quick-gelu")), directory);
    for (const name of ["tokenizer.json", "tokenizer_config.json", "preprocessor_config.json"]) {
      expect(readFileSync(join(directory, name))).toEqual(readFileSync(fixture("quick-gelu", name)));
    }
  });

  it("replaces a saved model, leaves other files alone and nothing temporary behind", () => {
    const parent = temporaryDirectory();
    const directory = join(parent, "model");
    saveModel(loadModel(fixture("quick-gelu")), directory);
    writeFileSync(join(directory, "README.md"), "mine");
    const model = loadModel(directory);
    model.logitScale.fill_(1.5);
    saveModel(model, directory);
    expect(loadModel(directory).logitScale.item()).toBe(1.5);
    expect(readFileSync(join(directory, "README.md"), "utf8")).toBe("mine");
    expect(readdirSync(parent)).toEqual(["model"]);
  });

  it("refuses a model with adapters", () => {
    const directory = join(temporaryDirectory(), "model");
    const model = loadModel(fixture("gelu"));
    model.adaptableLayers()[1]!.linear.adapter = { forward: (x) => x };
    expect(() => saveModel(model, directory)).toThrow(
      "vision_model.encoder.layers.0.self_attn.out_proj has an adapter. Merge or remove the adapters first.",
    );
    expect(existsSync(directory)).toBe(false);
  });
});
