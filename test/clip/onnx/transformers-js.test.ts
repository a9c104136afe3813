import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { ClipModel, loadModel, saveTransformersJs } from "../../../lib/clip/index.js";
import { inject } from "../../../lib/lora/index.js";
import { fixture } from "../fixtures.js";

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "codyra-transformers-js-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "model");
}

const read = (folder: string, file: string) => JSON.parse(readFileSync(join(folder, file), "utf8"));

it("writes a folder of its own: three files for each dtype, and images resized with antialiasing", () => {
  const folder = newFolder();
  const model = loadModel(fixture("quick-gelu"));
  saveTransformersJs(model, folder);
  const parts = ["model", "text_model", "vision_model"];
  expect(readdirSync(join(folder, "onnx")).toSorted()).toEqual(
    parts.flatMap((part) => [`${part}.onnx`, `${part}_quantized.onnx`]),
  );
  expect(read(folder, "preprocessor_config.json")).toMatchObject({
    resample: 1,
    crop_size: { height: model.preprocessing.cropSize },
  });
  expect(read(folder, "config.json")).not.toHaveProperty(["transformers.js_config"]);
  expect(existsSync(join(folder, "tokenizer.json"))).toBe(true);
});

it("writes once more into the same folder, with other dtypes beside what is there", () => {
  const folder = newFolder();
  const model = loadModel(fixture("quick-gelu"));
  saveTransformersJs(model, folder, { dtypes: ["fp32"] });
  saveTransformersJs(model, folder, { dtypes: ["fp16"] });
  expect(readdirSync(join(folder, "onnx"))).toHaveLength(6);
});

it("names the files whose weights lie beside them", () => {
  const folder = newFolder();
  saveTransformersJs(loadModel(fixture("quick-gelu")), folder, { dtypes: ["q8"], embeddedBytes: 1000 });
  const { use_external_data_format: outside } = read(folder, "config.json")["transformers.js_config"];
  expect(Object.keys(outside)).toEqual(
    ["model", "text_model", "vision_model"].map((part) => `${part}_quantized.onnx`),
  );
  expect(existsSync(join(folder, "onnx/model_quantized.onnx_data"))).toBe(true);
});

it("refuses what the graph cannot hold, and writes nothing", () => {
  const folder = newFolder();
  const adapted = loadModel(fixture("quick-gelu"));
  inject(adapted.requiresGrad_(false), { rank: 2 });
  expect(() => saveTransformersJs(adapted, folder)).toThrow(/vision_model\.\S+ has an adapter\. Merge/);
  const bare = new ClipModel(adapted.config);
  expect(() => saveTransformersJs(bare, folder)).toThrow("This model has no tokenizer");
  expect(() => saveTransformersJs(adapted, folder, { dtype: ["q8"] } as object)).toThrow("dtypes");
  for (const dtypes of [[], ["q4"]])
    expect(() => saveTransformersJs(adapted, folder, { dtypes } as object)).toThrow("fp32, fp16, q8, got");
  expect(existsSync(folder)).toBe(false);
});
