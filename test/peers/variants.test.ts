import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LoadOptions, loadModel } from "../../lib/clip/index.js";
import { applyUpdates, loadAdapter } from "../../lib/lora/index.js";
import { noGrad, safetensors, scope } from "../../lib/torch/index.js";
import { expectClose } from "../clip/fixtures.js";
import { needsPeers, runPeer } from "./python.js";

interface Case {
  readonly path: string;
  readonly options?: LoadOptions;
  /** Part of a note that is given. */
  readonly note?: string;
  readonly adapter?: string;
  /** Part of the message with which the adapter is refused. */
  readonly refusal?: string;
  readonly texts?: readonly string[];
  readonly tokens?: readonly (readonly number[])[];
}

const names = [
  ...["custom-text", "logit-bias", "scale-of-one-element", "patches-left-over", "module-in-safetensors"],
  ...["timm", "activation", "model-state-dict", "compiled", "lightning", "with-average", "average"],
  ...["compiled-tower", "values", "arguments", "float8", "openai-sizes", "hf-patches-left-over", "hf-float8"],
  ...["hf-float8-e5m2", "hf-prefix", "legacy-dicts"],
];
const adapters = [
  ...[
    "alpha",
    "rank-pattern",
    "alpha-pattern",
    "rslora",
    "rslora-patterns",
    "bin",
    "embeddings",
    "all-linear",
  ],
  ...["gaussian", "orthogonal"],
].map((name) => `adapter ${name}`);
const refusedAdapters = ["pissa", "olora", "dora", "modules-to-save", "bias", "lora-bias"].map(
  (name) => `adapter ${name}`,
);
const processors = [
  ...[
    "mean",
    "rescale",
    "no-normalize",
    "no-rescale",
    "squash",
    "squash-and-crop",
    "one-mean",
    "larger",
    "nested",
  ].map((name) => `processor ${name}`),
  "open_clip squash",
];
const tokenizers = ["slow tokenizer", "fast tokenizer", "open_clip tokenizer", "simple tokenizer"];

describe("CLIPs as people have them, as their own libraries compute them", needsPeers, () => {
  const directory = mkdtempSync(join(tmpdir(), "codyra-variants-"));
  let cases: Record<string, Case>;
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  beforeAll(async () => {
    cases = (await runPeer("variants.py", directory)) as Record<string, Case>;
  }, 300_000);

  const open = (name: string) => {
    const found = cases[name]!;
    const notes: string[] = [];
    const onNote = (note: string): void => void notes.push(note);
    const model = loadModel(join(directory, found.path), { allowPickle: true, ...found.options, onNote });
    return { ...found, model, notes };
  };
  const compare = (name: string, model: ReturnType<typeof loadModel>): void =>
    scope(() => {
      const { tensors } = safetensors.load(join(directory, "expected", `${name}.safetensors`));
      const tolerance = { rtol: 1e-4, atol: 2e-5 };
      noGrad(() => {
        expectClose(model.encodeImage(tensors.get("pixels")!), tensors.get("images")!, tolerance);
        expectClose(model.encodeText(tensors.get("ids")!), tensors.get("texts")!, tolerance);
      });
    });

  test("has all cases", () => {
    const all = [...names, ...adapters, ...refusedAdapters, ...processors, ...tokenizers];
    expect(Object.keys(cases).sort()).toEqual(all.sort());
  });

  test.each(names)("%s", (name) => {
    const { model, notes, note = "" } = open(name);
    compare(name, model);
    expect(notes.join("\n")).toContain(note);
  });

  test.each(adapters)("%s", (name) => {
    const { model, adapter } = open(name);
    applyUpdates(model, loadAdapter(join(directory, adapter!), { allowPickle: true }));
    compare(name, model);
  });

  test.each(refusedAdapters)("%s is refused by name", (name) => {
    const { adapter, refusal } = cases[name]!;
    expect(() => loadAdapter(join(directory, adapter!))).toThrow(refusal);
  });

  test("an adapter that is a pickle is one, unless it is allowed", () => {
    expect(() => loadAdapter(join(directory, "adapters/bin"))).toThrow("adapter_model.bin: a pickle");
  });

  test.each(processors)("%s", async (name) => {
    const { model } = open(name);
    const { tensors } = safetensors.load(join(directory, "expected", `${name}.safetensors`));
    const image = await model.preprocessing.preprocess(readFileSync(join(directory, "photo.png")));
    const prepared = tensors.get("prepared")!;
    const range = prepared.max().item() - prepared.min().item();
    const difference = model.preprocessing.normalise(image.unsqueeze(0)).sub(prepared).abs();
    expect(difference.max().item() / range).toBeLessThan(0.02); // two levels of 255, and more where values are clipped
    expect(difference.mean().item() / range).toBeLessThan(0.001);
  });

  test.each(tokenizers)("%s", (name) => {
    const { model, texts, tokens } = open(name);
    texts!.forEach((text, i) => {
      const ids = (model.tokenizer.encode([text], { truncate: true }).toArray() as bigint[][])[0]!.map(
        Number,
      );
      expect(ids, JSON.stringify(text)).toEqual(tokens![i]);
    });
  });
});
