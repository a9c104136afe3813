import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { type DualEncoder, loadModel, saveModel, Tokenizer } from "../../lib/clip/index.js";
import { inject, LoraOptimizer, saveAdapter, survivingRanks } from "../../lib/lora/index.js";
import * as torch from "../../lib/torch/index.js";
import { expectClose } from "../clip/fixtures.js";
import { needsPeers, runPeer } from "./python.js";

const names = ["siglip", "siglip2", "gemma", "exact-gelu"];

describe("SigLIP as transformers computes it", needsPeers, () => {
  const directory = mkdtempSync(join(tmpdir(), "codyra-siglip-"));
  let written: { texts: string[]; tokens: Record<string, number[][]> };
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  beforeAll(async () => {
    written = (await runPeer("siglip.py", "models", directory)) as typeof written;
  }, 300_000);

  const open = (name: string): DualEncoder => loadModel(join(directory, name), { onNote: () => {} });
  const expectedOf = (name: string) => {
    const { tensors } = torch.safetensors.load(join(directory, "expected", `${name}.safetensors`));
    return (key: string): torch.Tensor => tensors.get(key)!;
  };

  test.each(names)("%s: features, logits and probabilities", (name) => {
    const [model, expected] = [open(name), expectedOf(name)];
    torch.scope(() =>
      torch.noGrad(() => {
        const images = model.encodeImage(expected("pixels"));
        const texts = model.encodeText(expected("ids"));
        const logits = model.logits(images, texts);
        expectClose(images, expected("images"), { what: "images" });
        expectClose(texts, expected("texts"), { what: "texts" });
        expectClose(logits, expected("logits"), { what: "logits" });
        expectClose(model.probabilities(logits), expected("probabilities"), { what: "probabilities" });
      }),
    );
  });

  test.each(names)("%s: gradients of all parameters", (name) => {
    const [model, expected] = [open(name).requiresGrad_(true), expectedOf(name)];
    torch.scope(() => {
      const logits = model.logits(model.encodeImage(expected("pixels")), model.encodeText(expected("ids")));
      const signs = torch.eye(logits.size(0)).mul(2).sub(1);
      torch.logSigmoid(signs.mul(logits)).sum([1]).mean().neg().backward();
    });
    const gradients = gradientsOf(model);
    for (const [key, gradient] of gradients)
      expectClose(gradient, expected(`gradient ${key}`), { what: key });
    expect(gradients.size).toBeGreaterThan(70);
  });

  test.each(names)("%s: images", async (name) => {
    const { preprocessing } = open(name);
    const wanted = expectedOf(name)("prepared");
    const image = await preprocessing.preprocess(readFileSync(join(directory, "photo.png")));
    const difference = preprocessing.normalise(image.unsqueeze(0)).sub(wanted).abs();
    expect(difference.max().item()).toBeLessThan(0.02); // two levels of 255
    expect(difference.mean().item()).toBeLessThan(0.001);
  });

  test.each(["siglip", "siglip2", "gemma"])("%s: tokens, padded to the context", (name) => {
    expect(tokensOf(open(name).tokenizer, written.texts)).toEqual(written.tokens[name]);
  });

  test("padding on the left, where nothing says otherwise", () => {
    expect(tokensOf(Tokenizer.load(join(directory, "left")), written.texts)).toEqual(written.tokens.left);
  });

  it("says where a tokenizer keeps capital letters", () => {
    expect(open("siglip2").notes).toEqual([]);
    expect(open("gemma").notes.join()).toMatch(/capital letters/);
  });

  it("goes back to transformers and, as an adapter, to PEFT", async () => {
    const model = open("siglip2").requiresGrad_(false);
    const [ids, pixels] = ["ids", "pixels"].map(expectedOf("siglip2")) as [torch.Tensor, torch.Tensor];
    saveModel(model, join(directory, "base"));
    const before = featuresOf(model, ids, pixels);
    learn(model, ids, pixels, join(directory, "adapter"));
    const after = featuresOf(model, ids, pixels);
    expect(difference(before, after)).toBeGreaterThan(0.1);
    saveModel(model, join(directory, "exported"));
    torch.safetensors.save(join(directory, "inputs.safetensors"), Object.entries({ ids, pixels }));
    const theirs = (await runPeer("siglip.py", "exported", directory)) as Record<string, unknown>;
    expect(theirs.problems).toEqual([]);
    expect(difference(theirs.features, after)).toBeLessThan(1e-5);
    expect(difference(theirs.adapted, after)).toBeLessThan(1e-5);
    expect(theirs.tokens).toEqual(written.tokens.siglip2);
    expect(theirs.processor).toMatchObject({ height: 32, width: 32 });
  });
});

/** A few steps with pruning, of which the adapter is saved and then merged. */
function learn(model: DualEncoder, ids: torch.Tensor, pixels: torch.Tensor, adapter: string): void {
  const lora = inject(model, { rank: 4 }, torch.generator(0));
  const optimizer = new LoraOptimizer(lora);
  const target = torch.randn([3, 3], { generator: torch.generator(1) });
  for (let step = 0; step < 8; step++) {
    torch.scope(() => {
      lora.zeroGrad();
      const logits = model.logits(model.encodeImage(pixels), model.encodeText(ids));
      logits.sub(target).square().mean().backward();
      optimizer.step(0.02, 0.05);
    });
  }
  saveAdapter(survivingRanks(lora), adapter);
  lora.merge();
}

/** Under published names: q, k and v apart. */
function gradientsOf(model: DualEncoder): Map<string, torch.Tensor> {
  const values = new Map<string, torch.Tensor>();
  for (const parameter of model.parameters())
    torch.noGrad(() => parameter.copy_(parameter.grad as torch.Tensor));
  for (const [key, gradient] of model.stateDict()) values.set(key, gradient.detach());
  return values;
}

function featuresOf(model: DualEncoder, ids: torch.Tensor, pixels: torch.Tensor): unknown {
  return torch.noGrad(() => [model.encodeImage(pixels).toArray(), model.encodeText(ids).toArray()]);
}

function tokensOf(tokenizer: Tokenizer, texts: readonly string[]): number[][] {
  return (tokenizer.encode(texts, { truncate: true }).toArray() as bigint[][]).map((row) => row.map(Number));
}

/** The largest difference of features that are of order 1. */
function difference(left: unknown, right: unknown): number {
  const flat = (value: unknown): torch.Tensor[] =>
    (value as number[][][]).map((features) => torch.tensor(features));
  const [a, b] = [flat(left), flat(right)];
  return Math.max(...a.map((features, i) => features.sub(b[i]!).abs().max().item()));
}
