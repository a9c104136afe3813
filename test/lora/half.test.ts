import { describe, expect, it } from "vitest";
import { copyModel } from "../../lib/clip/copy.js";
import { ClipModel, loadModel } from "../../lib/clip/index.js";
import { applyUpdates, inject, LoraOptimizer, survivingRanks } from "../../lib/lora/index.js";
import { type DType, generator, nn, noGrad, randn, scope, tensor } from "../../lib/torch/index.js";
import { fixture } from "../clip/fixtures.js";

const pixels = randn([4, 3, 32, 32], { generator: generator(1) });
const texts = ["a cat", "the sky", "a blue tree", "the dog"];
const labels = tensor([0, 1, 2, 3], { dtype: "int64" });

function train(dtype: DType, targets?: ("q" | "v" | "fc")[]) {
  const model = loadModel(fixture("quick-gelu"), { dtype }).requiresGrad_(false);
  const before = copyModel(model);
  const lora = inject(model, { rank: 4, ...(targets && { targets }) }, generator(2));
  const optimizer = new LoraOptimizer(lora);
  const ids = model.tokenizer.encode(texts);
  const loss = () =>
    nn.functional.crossEntropy(
      model.logits(model.encodeImage(pixels), model.encodeText(ids)).float(),
      labels,
    );
  const losses: number[] = [];
  for (let step = 0; step < 15; step++) {
    scope(() => {
      lora.zeroGrad();
      const now = loss();
      losses.push(now.item());
      now.backward();
      optimizer.step(2e-3, 0);
    });
  }
  return { model, before, lora, losses, loss: () => scope(() => noGrad(loss).item()) };
}

describe.each(["bfloat16", "float16"] as const)("adapters on a model in %s", (dtype) => {
  it.each([[undefined], [["q", "v", "fc"] as ("q" | "v" | "fc")[]]])(
    "train as in float32, of %s",
    (targets) => {
      const half = train(dtype, targets);
      const exact = train("float32", targets);
      expect(half.lora.parameters.dtype).toBe("float32");
      expect(half.losses.at(-1)).toBeLessThan(half.losses[0]! - 0.2);
      half.losses.forEach((loss, step) => {
        expect(loss).toBeCloseTo(exact.losses[step]!, 1);
      });
    },
  );

  it("merge to what they were beside the weights, and to what their updates say", () => {
    const { model, before, lora, loss } = train(dtype);
    const updates = survivingRanks(lora);
    const trained = loss();
    const ranks = lora.merge();
    expect(ranks.every((rank) => rank === 4)).toBe(true);
    expect(loss()).toBeCloseTo(trained, 5);
    expect(model).toBeInstanceOf(ClipModel);
    applyUpdates(before, updates);
    const other = before.stateDict();
    for (const [key, parameter] of model.stateDict()) {
      expect(parameter.dtype).toBe(dtype);
      const difference = parameter.float().sub(other.get(key)!.float()).abs().max().item();
      expect(difference, key).toBeLessThanOrEqual(dtype === "float16" ? 2 ** -10 : 2 ** -7);
    }
  });
});
