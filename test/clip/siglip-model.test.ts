import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  copyModel,
  createModel,
  formatConfig,
  loadModel,
  Preprocessing,
  parseConfig,
  SiglipModel,
  saveModel,
  saveOpenAi,
  saveOpenClip,
  saveTransformersJs,
  Tokenizer,
  toOpenAi,
} from "../../lib/clip/index.js";
import { inject } from "../../lib/lora/index.js";
import * as torch from "../../lib/torch/index.js";
import { trainedAdapters } from "../lora/models.js";
import { expectClose, fixture, temporaryDirectory } from "./fixtures.js";
import { gemmaTokenizer, siglipConfig, tinySiglip, writeSiglip } from "./siglip.js";

const pixels = torch.randn([2, 3, 32, 32], { generator: torch.generator(1) });
const texts = ["a red photo", "a photo of 3 cats."];

/** A directory with a SigLIP whose `config.json` says something else. */
function changed(change: (json: Record<string, never>) => object): string {
  const folder = writeSiglip(temporaryDirectory());
  const path = join(folder, "config.json");
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, "utf8")))));
  return folder;
}

describe("a SigLIP", () => {
  it("is what was saved when it is loaded, and so is a copy", () => {
    const model = tinySiglip();
    const folder = temporaryDirectory();
    saveModel(model, folder);
    const [loaded, copy] = [loadModel(folder), copyModel(model)];
    for (const other of [loaded, copy]) {
      expect(other).toBeInstanceOf(SiglipModel);
      for (const [key, weight] of model.stateDict())
        expect(other.stateDict().get(key)!.equal(weight), key).toBe(true);
    }
    expect(loaded.config).toEqual(siglipConfig);
    expect(loaded.tokenizer.encode(texts).equal(model.tokenizer.encode(texts))).toBe(true);
    expect(loaded.preprocessing).toEqual(Preprocessing.siglip(32));
  });

  it("has a configuration that transformers' defaults complete", () => {
    const config = parseConfig({
      model_type: "siglip",
      text_config: { vocab_size: 256000 },
      vision_config: null,
    });
    const base = { width: 768, layers: 12, heads: 12, mlpWidth: 3072, layerNormEps: 1e-6 };
    const activation = "gelu_pytorch_tanh";
    expect(config.vision).toEqual({ ...base, activation, imageSize: 224, patchSize: 16 });
    expect(config.text).toMatchObject({ ...base, activation, vocabSize: 256000, contextLength: 64 });
    expect(parseConfig(formatConfig(config))).toEqual(config);
  });

  it("gives each label a probability of its own", () => {
    const model = tinySiglip();
    const labels = ["cat", "dog", "red car"];
    const all = model.classify(pixels, labels);
    expectClose(model.classify(pixels, labels.slice(0, 1)), all.narrow(1, 0, 1), { atol: 1e-6 });
    const logits = torch.logit(all);
    const { logitBias, logitScale } = model;
    expect(
      logits
        .sub(logitBias as torch.Tensor)
        .abs()
        .max()
        .item(),
    ).toBeLessThan(logitScale.exp().item() * 1.001);
  });

  it("starts with the logits of its paper", () => {
    const { logitScale, logitBias, text } = createModel(siglipConfig);
    expect([logitScale.exp().item(), logitBias!.item()]).toEqual([expect.closeTo(10, 4), -10]);
    const table = text.stateDict().get("embeddings.token_embedding.weight")!;
    expect(table.std().item()).toBeCloseTo(32 ** -0.5, 2);
  });

  it("reads padding, so that texts have the length of the context", () => {
    const { tokenizer } = tinySiglip();
    const ids = tokenizer.encode(texts);
    expect(ids.shape).toEqual([2, 24]);
    expect(tokenizer.lengths(ids)).toEqual([24, 24]);
    const [row] = ids.toArray() as bigint[][];
    const vocabulary = gemmaTokenizer.model.vocab as Record<string, number>;
    const [a, red, photo] = ["a", "▁red", "▁photo"].map((token) => BigInt(vocabulary[token]!));
    expect(row).toEqual([a, red, photo, 1n, ...Array(20).fill(0n)]);
    expect(tokenizer.encode(["A RED photo"]).equal(tokenizer.encode(["a red photo"]))).toBe(true);
    expect(tokenizer.wholeWords()).toEqual(expect.arrayContaining(["photo", "red", "of"]));
  });

  it("is adapted like a CLIP: every matrix of the blocks", () => {
    const model = tinySiglip();
    const ids = model.tokenizer.encode(texts);
    const features = () => torch.noGrad(() => [model.encodeImage(pixels), model.encodeText(ids)]);
    const names = inject(model, { rank: 2 }).modules.map(({ name }) => name);
    expect(names).toHaveLength(24);
    expect(names).toContain("vision_model.encoder.layers.1.self_attn.v_proj");
    for (const { linear } of model.adaptableLayers()) linear.adapter = undefined;
    const before = features();
    const lora = trainedAdapters(model, { rank: 3 });
    const adapted = features();
    expect(adapted[0]!.sub(before[0]!).abs().max().item()).toBeGreaterThan(0.01);
    lora.merge();
    for (const [i, merged] of features().entries()) expectClose(merged, adapted[i]!);
  });

  it("computes activations again in the backward pass, and in bfloat16", () => {
    const model = tinySiglip().requiresGrad_(true);
    const ids = model.tokenizer.encode(texts);
    const gradients = (checkpoints?: torch.Checkpoints) => {
      model.checkpoints = checkpoints;
      torch.scope(() => {
        model.logits(model.encodeImage(pixels), model.encodeText(ids)).square().sum().backward();
        checkpoints?.backward();
      });
      model.checkpoints = undefined;
      return model.parameters().map((parameter) => {
        const gradient = parameter.grad!.clone();
        parameter.grad = undefined;
        return gradient;
      });
    };
    const plain = gradients();
    for (const [i, gradient] of gradients(new torch.Checkpoints()).entries())
      expectClose(gradient, plain[i]!, { rtol: 1e-4 });
    const exact = torch.noGrad(() => model.encodeImage(pixels));
    model.precision = "bf16";
    expectClose(
      torch.noGrad(() => model.encodeImage(pixels)),
      exact,
      { rtol: 0.05, atol: 0.05 },
    );
  });
});

describe("refused is", () => {
  const refusals: [what: string, folder: () => string, message: RegExp][] = [
    [
      "a SigLIP 2 for images of any shape",
      () => changed((json) => ({ ...json, model_type: "siglip2" })),
      /NaFlex/,
    ],
    [
      "an image encoder without its head",
      () => changed((json) => ({ ...json, vision_config: { vision_use_head: false } })),
      /vision_use_head/,
    ],
    [
      "features of two widths",
      () =>
        changed(({ text_config, ...json }) => ({
          ...json,
          text_config: { ...(text_config as object), projection_size: 32 },
        })),
      /projection_size of 48, the hidden_size of vision_config, got 32/,
    ],
    [
      "a CLIP that says it is a SigLIP",
      () => {
        const folder = temporaryDirectory();
        saveModel(loadModel(fixture("quick-gelu")), folder);
        const json = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
        const text_config = { ...json.text_config, projection_size: json.vision_config.hidden_size };
        const tanh = { hidden_act: "gelu_pytorch_tanh" };
        const config = {
          model_type: "siglip",
          text_config: { ...text_config, ...tanh },
          vision_config: { ...json.vision_config, ...tanh },
        };
        writeFileSync(join(folder, "config.json"), JSON.stringify(config));
        return folder;
      },
      /parameters do not fit/,
    ],
  ];

  it.each(refusals)("%s", (_, folder, message) => {
    expect(() => loadModel(folder())).toThrow(message);
  });

  it("weights without a configuration, and in the names of open_clip", () => {
    const folder = temporaryDirectory();
    const path = join(folder, "model.safetensors");
    const state = tinySiglip().stateDict();
    torch.safetensors.save(path, state);
    expect(() => loadModel(path, { activation: "gelu" })).toThrow(
      /weights of a SigLIP: expected config.json beside/,
    );
    const trunk = torch.zeros([1, 1, 48]);
    const conv = torch.zeros([48, 3, 8, 8]);
    const openClip = { "visual.trunk.attn_pool.latent": trunk, "visual.trunk.patch_embed.proj.weight": conv };
    torch.safetensors.save(path, Object.entries(openClip));
    expect(() => loadModel(path)).toThrow(/SigLIP's towers as open_clip has them/);
    const unpooled = { "visual.trunk.patch_embed.proj.weight": conv, logit_bias: torch.zeros([]) };
    torch.safetensors.save(path, Object.entries(unpooled));
    expect(() => loadModel(path)).toThrow(/SigLIP's towers as open_clip has them/);
  });

  it("an export in a format for CLIPs", () => {
    const model = tinySiglip();
    expect(() => toOpenAi(model.stateDict())).toThrow(
      /is a parameter of SigLIP: expected those of a CLIP.*saveModel/s,
    );
    for (const save of [saveOpenClip, saveOpenAi, saveTransformersJs])
      expect(() => save(model, join(temporaryDirectory(), "x"))).toThrow(
        /expected a CLIP, got a SigLIP.*saveModel/s,
      );
  });
});

it("texts of the first SigLIP are small letters without punctuation and with single spaces", () => {
  const config = { tokenizer_class: "SiglipTokenizer", eos_token: "<eos>", pad_token: "<eos>" };
  const files = new Map([
    ["tokenizer.json", Buffer.from(JSON.stringify(gemmaTokenizer))],
    ["tokenizer_config.json", Buffer.from(JSON.stringify(config))],
  ]);
  const tokenizer = Tokenizer.parse(files, "tokens");
  expect(tokenizer.encode([" A  Red,\tphoto! "]).equal(tokenizer.encode(["a red photo"]))).toBe(true);
  const [row] = tokenizer.encode(["a"]).toArray() as bigint[][];
  expect(row).toEqual([BigInt(gemmaTokenizer.model.vocab.a!), ...Array(63).fill(1n)]);
});
