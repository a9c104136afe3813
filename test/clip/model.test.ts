import { describe, expect, it } from "vitest";
import { ClipModel, clipConfigs, copyModel, createModel, loadModel } from "../../lib/clip/index.js";
import { arange, nn, noGrad, type Tensor, tensor } from "../../lib/torch/index.js";
import { expectClose, expected, fixture } from "./fixtures.js";

describe.each(["quick-gelu", "gelu"])("%s model against transformers", (name) => {
  const model = loadModel(fixture(name));
  const reference = expected(name);

  it("computes the same image features", () => {
    expectClose(model.encodeImage(reference("pixels")), reference("image_features"));
  });

  it("computes the same text features", () => {
    expectClose(model.encodeText(reference("ids")), reference("text_features"));
  });

  it("computes the same logits, loss and gradients of all parameters", () => {
    model.requiresGrad_(true);
    const logits = model.logits(model.encodeImage(reference("pixels")), model.encodeText(reference("ids")));
    expectClose(logits, reference("logits"));

    const loss = contrastiveLoss(logits);
    expectClose(loss, reference("loss"));
    loss.backward();
    const keys = [...model.stateDict().keys()];
    const gradients = new Map<string, Tensor>();
    for (const [key, parameter] of model.namedParameters()) splitStacked(key, parameter.grad!, gradients);
    expect([...gradients.keys()].sort()).toEqual(keys.sort());
    for (const [key, gradient] of gradients) expectClose(gradient, reference(`grad.${key}`), { what: key });
    model.requiresGrad_(false);
  });
});

describe("text cropping", () => {
  const model = loadModel(fixture("quick-gelu"));

  it("does not change the features", () => {
    const prompts = ["a photo of a cat.", "a drawing of a bird in the blue sky", "dog"];
    const cropped = model.tokenizer.encode(prompts);
    const full = model.tokenizer.encode(prompts, { crop: false });
    expect(cropped.size(1)).toBeLessThan(full.size(1));
    expectClose(model.encodeText(cropped), model.encodeText(full), { rtol: 0, atol: 1e-6 });
  });
});

describe("end of text", () => {
  const { config } = loadModel(fixture("gelu"));
  const withEnd = (endTokenId: number) => {
    const model = new ClipModel({ ...config, text: { ...config.text, endTokenId } });
    noGrad(() => {
      for (const [key, parameter] of loadModel(fixture("gelu")).stateDict())
        model.stateDict().get(key)!.copy_(parameter);
    });
    return model;
  };
  const encode = (model: ClipModel, ids: number[]) => model.encodeText(tensor([ids], { dtype: "int64" }));

  it("is the highest id where the configuration says 2", () => {
    const legacy = withEnd(2);
    expectClose(encode(legacy, [48, 2, 9, 49, 3]), encode(withEnd(49), [48, 2, 9, 49, 3]));
  });

  it("is the first of several end tokens, so that padding with them changes nothing", () => {
    const model = withEnd(7);
    expectClose(encode(model, [48, 9, 7, 7, 7]), encode(model, [48, 9, 7]));
    expect(encode(model, [48, 9, 7]).allclose(encode(model, [48, 7, 9]))).toBe(false);
  });
});

describe("ClipModel", () => {
  it.each([
    ["vit-b-32", 151_277_313],
    ["vit-b-16", 149_620_737],
    ["vit-l-14", 427_616_513],
    ["vit-l-14-336", 427_944_193],
  ] as const)("counts the parameters of %s, as published, without allocating them", (name, parameters) => {
    const model = new ClipModel(clipConfigs[name], undefined, { device: "meta" });
    expect(model.numParameters()).toBe(parameters);
  });

  it("lists adaptable layers by encoder, block and target", () => {
    const layers = createModel(loadModel(fixture("gelu")).config).adaptableLayers();
    expect(layers).toHaveLength(4 * (3 + 2));
    expect(layers.slice(0, 5).map(({ name, targets, layer }) => [name, targets.join(), layer])).toEqual([
      ["vision_model.encoder.layers.0.self_attn.qkv_proj", "q,k,v", 0],
      ["vision_model.encoder.layers.0.self_attn.out_proj", "o", 0],
      ["vision_model.encoder.layers.0.mlp.fc1", "fc", 0],
      ["vision_model.encoder.layers.0.mlp.fc2", "proj", 0],
      ["vision_model.encoder.layers.1.self_attn.qkv_proj", "q,k,v", 1],
    ]);
    expect(layers.at(-1)).toMatchObject({
      name: "text_model.encoder.layers.1.mlp.fc2",
      encoder: "text",
      layer: 1,
    });
  });

  it("runs with bfloat16 weights", () => {
    const reference = expected("gelu");
    const model = loadModel(fixture("gelu"), { dtype: "bfloat16" });
    const features = model.encodeImage(reference("pixels"));
    expect(features.dtype).toBe("bfloat16");
    const similarity = nn.functional
      .normalize(features.float())
      .mul(nn.functional.normalize(reference("image_features")));
    expect(similarity.sum([-1]).min().item()).toBeGreaterThan(0.999); // bfloat16 keeps 8 bits
  });

  it("encodes in bfloat16, with float32 weights, features and gradients", () => {
    const reference = expected("quick-gelu");
    const model = loadModel(fixture("quick-gelu"), { precision: "bf16" }).requiresGrad_(true);
    const images = model.encodeImage(reference("pixels"));
    const texts = model.encodeText(reference("ids"));
    for (const [features, wanted] of [
      [images, reference("image_features")],
      [texts, reference("text_features")],
    ] as const) {
      expect(features.dtype).toBe("float32");
      expect(features.equal(wanted)).toBe(false);
      // 8 bits in each of a dozen products, whose errors partly cancel
      expect(features.sub(wanted).norm().div(wanted.norm()).item()).toBeLessThan(0.02);
    }
    const logits = model.logits(images, texts);
    expect(logits.dtype).toBe("float32");
    contrastiveLoss(logits).backward();
    for (const [name, parameter] of model.namedParameters()) {
      expect(parameter.grad?.dtype, name).toBe("float32");
    }
    expect(copyModel(model).precision).toBe("bf16");
  });

  it("explains images and prompts of a wrong size", () => {
    const model = loadModel(fixture("gelu"));
    expect(() => model.encodeImage(expected("quick-gelu")("pixels"))).toThrow(
      "encodeImage: expected pixels [batch, 3, 28, 28], got [4, 3, 32, 32]. Preprocess the images first.",
    );
    expect(() => model.encodeText(expected("quick-gelu")("ids"))).toThrow(
      "encodeText: expected ids [texts, at most 9], got [4, 20]. Truncate with the tokenizer.",
    );
    expect(() => model.tokenizer).toThrow("This model has no tokenizer");
  });

  it("classifies raw and normalised images alike", () => {
    const model = loadModel(fixture("quick-gelu"));
    const raw = expected("images")("tall.png").unsqueeze(0);
    const labels = ["cat", "dog", "bird"];
    const probabilities = model.classify(raw, labels, {
      template: ["a photo of a {}.", "a drawing of a {}"],
    });
    expect(probabilities.shape).toEqual([1, 3]);
    expect(probabilities.sum().item()).toBeCloseTo(1, 6);
    const normalised = expected("images")("normalised tall.png").unsqueeze(0);
    expectClose(model.classify(raw, labels), model.classify(normalised, labels));
  });
});

function contrastiveLoss(logits: Tensor): Tensor {
  const target = arange(logits.size(0));
  const { crossEntropy } = nn.functional;
  return crossEntropy(logits, target).add(crossEntropy(logits.t(), target)).div(2);
}

function splitStacked(key: string, gradient: Tensor, into: Map<string, Tensor>): void {
  if (!key.includes("qkv_proj")) into.set(key, gradient);
  else
    gradient
      .chunk(3, 0)
      .forEach((part, i) => void into.set(key.replace("qkv_proj", `${"qkv"[i]}_proj`), part));
}
