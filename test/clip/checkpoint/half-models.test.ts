import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadModel } from "../../../lib/clip/index.js";
import { safetensors, type Tensor, zeros } from "../../../lib/torch/index.js";
import { fixture, temporaryDirectory } from "../fixtures.js";
import { tinySiglip } from "../siglip.js";

const clip = safetensors.load(fixture("gelu", "model.safetensors")).tensors;
const classifier = [["classifier.weight", zeros([3, 64])] as const, ["classifier.bias", zeros([3])] as const];

/** A folder with CLIP's configuration and those of the weights whose names fit, and others. */
function folderOf(
  weights: ReadonlyMap<string, Tensor>,
  part: "vision_model." | "text_model.",
  others: readonly (readonly [string, Tensor])[] = [],
): string {
  const directory = temporaryDirectory();
  cpSync(fixture("gelu"), directory, { recursive: true });
  const some = Array.from(weights).filter(([key]) => key.startsWith(part));
  safetensors.save(join(directory, "model.safetensors"), [...some, ...others]);
  return directory;
}

describe("half a model of transformers is named", () => {
  it("a classifier of images", () => {
    expect(() => loadModel(folderOf(clip, "vision_model.", classifier))).toThrow(
      /those of CLIPForImageClassification.*expected CLIPModel.*Give the CLIPModel that it was trained from/,
    );
    expect(() => loadModel(folderOf(tinySiglip().stateDict(), "vision_model.", classifier))).toThrow(
      /those of SiglipForImageClassification.*expected SiglipModel/,
    );
  });

  it("one encoder", () => {
    expect(() => loadModel(folderOf(clip, "vision_model."))).toThrow(
      /CLIPVisionModel, an image encoder alone/,
    );
    expect(() => loadModel(folderOf(clip, "text_model."))).toThrow(/CLIPTextModel, a text encoder alone/);
    expect(() => loadModel(folderOf(tinySiglip().stateDict(), "text_model."))).toThrow(
      /SiglipTextModel, a text encoder alone/,
    );
  });
});

it("a PEFT adapter in the place of a model is told with what to do", () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "adapter_config.json"), "{}");
  safetensors.save(join(directory, "adapter_model.safetensors"), [["a.lora_A.weight", zeros([2, 4])]]);
  expect(() => loadModel(directory)).toThrow(
    /a PEFT adapter.*expected a model.*lora\.loadAdapter.*merge_and_unload/s,
  );
});
