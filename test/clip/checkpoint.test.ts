import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadModel, saveModel } from "../../lib/clip/index.js";
import { memoryStatistics, safetensors, type Tensor, zeros } from "../../lib/torch/index.js";
import { fixture, temporaryDirectory } from "./fixtures.js";

/** A copy of a fixture whose weights `change` may change. */
function changedFixture(change: (tensors: Map<string, Tensor>) => void): string {
  const directory = temporaryDirectory();
  cpSync(fixture("gelu"), directory, { recursive: true });
  const { tensors } = safetensors.load(fixture("gelu", "model.safetensors"));
  change(tensors);
  safetensors.save(join(directory, "model.safetensors"), tensors);
  return directory;
}

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

describe("loadModel", () => {
  it("ignores the position_ids that old files hold", () => {
    const directory = changedFixture((tensors) =>
      tensors.set("text_model.embeddings.position_ids", zeros([1, 9])),
    );
    expect(loadModel(directory).numParameters()).toBe(loadModel(fixture("gelu")).numParameters());
  });

  it("names every parameter that does not fit, and keeps no memory", () => {
    const directory = changedFixture((tensors) => {
      tensors.delete("text_projection.weight");
      tensors.delete("vision_model.encoder.layers.1.self_attn.k_proj.bias");
      tensors.set("classifier.weight", zeros([2, 3]));
      tensors.set("logit_scale", zeros([4]));
    });
    const before = memoryStatistics().liveTensors;
    const error = catchError(() => loadModel(directory));
    expect(error.message.split("\n").slice(1)).toEqual([
      "  missing: vision_model.encoder.layers.1.self_attn.k_proj.bias",
      "  missing: text_projection.weight",
      "  unexpected: classifier.weight",
      "  wrong shape: logit_scale is [4], expected []",
      "Use the config.json of these weights.",
    ]);
    expect(memoryStatistics().liveTensors).toBe(before);
  });

  it("names a missing or broken file", () => {
    const directory = temporaryDirectory();
    expect(() => loadModel(directory)).toThrow(`${join(directory, "config.json")} is missing`);
    cpSync(fixture("gelu"), directory, { recursive: true });
    rmSync(join(directory, "model.safetensors"));
    expect(() => loadModel(directory)).toThrow(`${join(directory, "model.safetensors")} is missing`);
    writeFileSync(join(directory, "config.json"), "{");
    expect(() => loadModel(directory)).toThrow(`${join(directory, "config.json")}: not valid JSON`);
  });
});

function catchError(body: () => void): Error {
  try {
    body();
  } catch (error) {
    return error as Error;
  }
  throw new Error("Expected an error.");
}
