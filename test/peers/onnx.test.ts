import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type DualEncoder, loadModel, type OnnxDtype, saveTransformersJs } from "../../lib/clip/index.js";
import {
  generator,
  nn,
  noGrad,
  packageRoot,
  randint,
  randn,
  safetensors,
  scope,
  type Tensor,
} from "../../lib/torch/index.js";
import { fixture } from "../clip/fixtures.js";
import { needsPeers, runPeer } from "./python.js";

const suffixes: Record<OnnxDtype, string> = { fp32: "", fp16: "_fp16", q8: "_quantized" };
const { normalize } = nn.functional;

/** Compares onnxruntime's outputs for the files of a model with the model's own. */
async function compare(model: DualEncoder, dtypes: readonly OnnxDtype[], embeddedBytes?: number) {
  const folder = mkdtempSync(join(tmpdir(), "codyra-onnx-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [inputs, output] = [join(folder, "inputs.safetensors"), join(folder, "output.safetensors")];
  saveTransformersJs(model, folder, { dtypes, embeddedBytes });
  const { imageSize } = model.config.vision;
  const { vocabSize, contextLength, endTokenId } = model.config.text;
  const pixels = randn([3, 3, imageSize, imageSize], { generator: generator(1) });
  const end = endTokenId === 2 ? vocabSize - 1 : endTokenId; // 2 stands for the highest id
  const length = contextLength - 2; // files take any length up to the context's
  const ids = randint(3, vocabSize - 1, [4, length], { generator: generator(2), dtype: "int64" });
  for (const [row, at] of [2, 5, length - 1, 3].entries())
    ids
      .select(0, row)
      .narrow(0, at, length - at)
      .fill_(end);
  safetensors.save(inputs, [
    ["pixel_values", pixels],
    ["input_ids", ids],
  ]);
  const nodes = await runPeer("onnx_files.py", folder, inputs, output);
  const [images, texts] = noGrad(() => [model.encodeImage(pixels), model.encodeText(ids)] as const);
  const logits = model.logits(images, texts);
  const unit = { image_embeds: normalize(images), text_embeds: normalize(texts) };
  const expected = {
    "model/image_embeds": unit.image_embeds,
    "model/text_embeds": unit.text_embeds,
    "model/logits_per_image": logits,
    "model/logits_per_text": logits.t(),
    "vision_model/image_embeds": images,
    "text_model/text_embeds": texts,
  };
  return { nodes, found: safetensors.load(output).tensors, expected: Object.entries(expected) };
}

/** The largest difference, as a part of the largest value. */
function difference(found: Tensor, expected: Tensor): number {
  return scope(() => found.sub(expected).abs().amax().div(expected.abs().amax()).item());
}

function lowestCosine(found: Tensor, expected: Tensor): number {
  return scope(() => normalize(found).mul(normalize(expected)).sum([1]).amin().item());
}

const named = (name: string, dtype: OnnxDtype) => name.replace("/", `${suffixes[dtype]}/`);

describe("ONNX files", needsPeers, () => {
  it.each(["quick_gelu", "gelu"] as const)(
    "with %s pass onnx.checker and give our features in float32",
    async (activation) => {
      const model = loadModel(fixture("quick-gelu"), { activation });
      const { nodes, found, expected } = await compare(model, ["fp32"]);
      expect(Object.keys(nodes as object)).toEqual(["model", "text_model", "vision_model"]);
      for (const [output, value] of expected)
        expect(difference(found.get(output)!, value), output).toBeLessThan(1e-5);
    },
  );

  it("in float16 and 8 bits stay near: cosines of at least 0.9999 and 0.999", async () => {
    const model = loadModel(join(packageRoot, "assets/miniature-clip-v2"));
    const { found, expected } = await compare(model, ["fp16", "q8"]);
    const features = expected.filter(([name]) => name.endsWith("_embeds"));
    for (const [dtype, limit] of [
      ["fp16", 0.9999],
      ["q8", 0.999],
    ] as const)
      for (const [name, value] of features)
        expect(lowestCosine(found.get(named(name, dtype))!, value), `${dtype} ${name}`).toBeGreaterThan(
          limit,
        );
  });

  it("that are too large for one file have their weights in another beside it", async () => {
    const model = loadModel(fixture("quick-gelu"));
    const { found, expected } = await compare(model, ["fp32", "q8"], 10_000);
    for (const [output, value] of expected)
      expect(difference(found.get(output)!, value), output).toBeLessThan(1e-5);
  });
});
