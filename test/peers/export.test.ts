import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DualEncoder, loadModel, saveModel, saveOpenAi, saveOpenClip } from "../../lib/clip/index.js";
import {
  concatenateUpdates,
  inject,
  LoraOptimizer,
  type LowRankUpdates,
  saveAdapter,
  survivingRanks,
} from "../../lib/lora/index.js";
import { generator, noGrad, randn, safetensors, scope, type Tensor, tensor } from "../../lib/torch/index.js";
import { needsPeers, runPeer } from "./python.js";

const pixels = randn([3, 3, 32, 32], { generator: generator(1) });
const ids = tensor(
  [
    [98, 7, 40, 99, 99, 99],
    [98, 3, 99, 99, 99, 99],
    [98, 60, 61, 62, 63, 99],
  ],
  { dtype: "int64" },
);

/**
 * A few steps of training with pruning.
 * @returns the surviving ranks, which are part of the model afterwards
 */
function learn(model: DualEncoder, seed: number): LowRankUpdates {
  const lora = inject(model, { rank: 4 }, generator(seed));
  const optimizer = new LoraOptimizer(lora);
  const target = randn([3, 3], { generator: generator(seed) });
  for (let step = 0; step < 8; step++) {
    scope(() => {
      lora.zeroGrad();
      const logits = model.logits(model.encodeImage(pixels), model.encodeText(ids));
      logits.sub(target).square().mean().backward();
      optimizer.step(0.02, 0.05);
    });
  }
  const updates = survivingRanks(lora);
  lora.merge();
  return updates;
}

const featuresOf = (model: DualEncoder): unknown =>
  noGrad(() => [model.encodeImage(pixels), model.encodeText(ids)].map((features) => features.toArray()));

describe("what is exported, in the library it is for", needsPeers, () => {
  let folder: string;
  let ours: { before: unknown; afterTask: unknown[] };
  let theirs: Record<string, number[][][]>;
  let ranks: number[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "codyra-export-"));
    const base = join(folder, "base");
    await runPeer("export.py", "base", base);
    const model = loadModel(base).requiresGrad_(false);
    ours = { before: featuresOf(model), afterTask: [] };
    const updates = [0, 1].map((task) => {
      const learned = learn(model, task);
      ours.afterTask.push(featuresOf(model));
      saveModel(model, join(folder, `after-${task}`));
      return learned;
    });
    ranks = Array.from(updates[0]!.values(), ({ loraA }) => loraA.size(0));
    saveOpenClip(model, join(folder, "open-clip"));
    saveOpenAi(model, join(folder, "openai.pt"));
    saveAdapter(updates[0]!, join(folder, "adapters", "0"));
    saveAdapter(updates[1]!, join(folder, "adapters", "1"));
    saveAdapter(concatenateUpdates(updates), join(folder, "adapters", "all"), { baseModel: base });
    safetensors.save(join(folder, "inputs.safetensors"), Object.entries({ pixels, ids }));
    theirs = (await runPeer("export.py", "features", folder)) as typeof theirs;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("is worth comparing: every task changed the features, and modules differ in rank", () => {
    expect(difference(ours.before, ours.afterTask[0])).toBeGreaterThan(0.1);
    expect(difference(ours.afterTask[0], ours.afterTask[1])).toBeGreaterThan(0.1);
    expect(new Set(ranks).size).toBeGreaterThan(1);
  });

  it.each([
    ["peft, task 0 on the base", 0, 1e-5],
    ["peft, task 1 on the model after task 0", 1, 1e-5],
    ["peft, all tasks on the base it names", 1, 1e-5],
    ["transformers", 1, 1e-5],
    ["open_clip", 1, 1e-5],
    ["clip", 1, 1e-5],
    ["open_clip, checkpoint of OpenAI's", 1, 2e-3], // which it rounds to float16
  ])("%s: features agree", (name, task, tolerance) => {
    expect(difference(theirs[name], ours.afterTask[task as number])).toBeLessThan(tolerance);
  });
});

/** The largest difference of features that are of order 1. */
function difference(left: unknown, right: unknown): number {
  const flat = (value: unknown): Tensor[] => (value as number[][][]).map((features) => tensor(features));
  const [a, b] = [flat(left), flat(right)];
  return Math.max(...a.map((features, i) => features.sub(b[i]!).abs().max().item()));
}
