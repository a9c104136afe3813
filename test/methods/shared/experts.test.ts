import { describe, expect, it } from "vitest";
import { createMethod } from "../../../lib/methods/index.js";
import { BlockExperts, ExpertAdam, injectExperts } from "../../../lib/methods/shared/experts.js";
import * as torch from "../../../lib/torch/index.js";
import { expectClose } from "../../clip/fixtures.js";
import { features, snapshot, tinyClip } from "../../lora/models.js";
import { colourTasks, recordedContext } from "../tasks.js";

const options = { experts: 4, topK: 2, bottleneck: 1, scale: 0.1, dropout: 0 };

/** The experts of the first block, whose router and experts are set by hand. */
function handMade(width: number) {
  const model = tinyClip();
  const block = model.vision.encoder.blocks[0]!;
  const experts = new BlockExperts(block, width, options, torch.generator(1), "cpu");
  const router = experts.addRouter();
  experts.use(0, false);
  return { experts, router };
}

describe("BlockExperts", () => {
  it("agrees with the example of the baseline specification, section 8.9", () => {
    const { experts, router } = handMade(1);
    router.weight.copy_(torch.tensor([[1, 2, 3, 0]])); // q of a first token of 1
    experts.downWeight.fill_(0);
    experts.upBias.copy_(torch.tensor([[0], [200], [100], [0]])); // expert 2 gives 10, expert 1 gives 20
    const output = experts.forward(torch.tensor([[[1]]]));
    expect(output.item()).toBeCloseTo(12.6894, 4);

    experts.downWeight.fill_(2);
    experts.upWeight.fill_(3);
    experts.upBias.fill_(1);
    expect(experts.forward(torch.tensor([[[1]]])).item()).toBeCloseTo(0.7, 6);
  });

  it("routes a whole sequence by its first token", () => {
    const { experts, router } = handMade(2);
    router.weight.copy_(
      torch.tensor([
        [5, 4, 0, 0],
        [0, 0, 5, 4],
      ]),
    );
    experts.downWeight.fill_(0);
    experts.upBias.copy_(torch.arange(4, { dtype: "float32" }).mul(10).unsqueeze(1).expand([4, 2]));
    const output = experts.forward(
      torch.tensor([
        [
          [1, 0],
          [0, 1],
        ],
        [
          [0, 1],
          [1, 0],
        ],
      ]),
    );
    const [first, second] = output.select(2, 0).toArray() as number[][];
    const gate = 1 / (1 + Math.E);
    expect(first![0]).toBeCloseTo(gate, 5);
    expect(first![1]).toBeCloseTo(gate, 5);
    expect(second![0]).toBeCloseTo(2 + gate, 5);
  });

  it("changes nothing at first", () => {
    const model = tinyClip();
    const before = features(model);
    for (const block of injectExperts(model, { ...options, bottleneck: 8 }, torch.generator(1))) {
      block.addRouter();
      block.use(0, false);
    }
    const after = features(model);
    // Not bit for bit: with experts, the last block computes all positions, in products of another shape.
    expectClose(after.image, before.image, { rtol: 0, atol: 1e-6 });
    expectClose(after.text, before.text, { rtol: 0, atol: 1e-6 });
  });
});

describe("ExpertAdam", () => {
  it("steps like AdamW where an expert takes part, and leaves the others and their moments alone", () => {
    const { experts } = handMade(3);
    const reference = experts.downWeight.clone();
    const own = Array.from({ length: 4 }, (_, e) => reference.select(0, e).clone().requiresGrad_());
    const adamw = own.map((weight) => new torch.optim.AdamW([weight], { learningRate: 0.1, weightDecay: 0 }));
    const adam = new ExpertAdam([experts], { betas: [0.9, 0.999], eps: 1e-8 });
    const frozen = [torch.tensor([0, 0, 0, 1])];
    const uses = [
      [1, 0, 2, 1],
      [0, 0, 1, 1],
      [1, 0, 1, 0],
    ];
    const random = torch.generator(2);
    for (const use of uses) {
      const gradient = torch.randn(reference.shape, { generator: random });
      for (const parameter of experts.parameters) parameter.grad = torch.zerosLike(parameter);
      experts.downWeight.grad = gradient.clone();
      experts.stepUse.copy_(torch.tensor(use));
      adam.step(0.1, frozen);
      for (const e of [0, 1, 2]) {
        if (use[e] === 0) continue;
        own[e]!.grad = gradient.select(0, e).clone();
        adamw[e]!.step();
      }
    }
    for (const [e, weight] of own.entries()) {
      expect(experts.downWeight.select(0, e).sub(weight.detach()).abs().max().item()).toBeLessThan(1e-5);
    }
    expect(experts.downWeight.select(0, 3).equal(reference.select(0, 3))).toBe(true);
  });
});

describe("moe-adapter", () => {
  const brief = {
    iterations: 6,
    warmup: 0,
    batchSize: 9,
    learningRate: 0.01,
    experts: 4,
    bottleneck: 4,
    ddas: { features: "clip", code: 8, iterations: 5 },
    logEvery: 2,
  };

  it("leaves CLIP as it is, and frozen experts unchanged in later tasks", async () => {
    const model = tinyClip();
    const weights = snapshot(model);
    const method = createMethod("moe-adapter", brief, "x-tail");
    await method.beginRun?.(recordedContext(model));
    const states: Map<string, torch.Tensor>[] = [];
    for (const [taskIndex, task] of colourTasks().entries()) {
      const context = recordedContext(model, { taskIndex });
      await method.beginTask(task, context);
      await method.trainTask(task, context);
      await method.endTask(task, context);
      states.push(new Map(Array.from(method.state().tensors, ([key, tensor]) => [key, tensor.clone()])));
    }
    for (const [key, tensor] of model.stateDict()) expect(tensor.equal(weights.get(key)!), key).toBe(true);
    const [first, second] = states as [Map<string, torch.Tensor>, Map<string, torch.Tensor>];
    const blocks = Array.from(first.keys()).filter((key) => key.startsWith("frozen.")).length;
    let changed = 0;
    for (let block = 0; block < blocks; block++) {
      const frozen = first.get(`frozen.${block}`)!.toArray() as number[];
      expect(frozen.filter((value) => value === 1)).toHaveLength(2);
      for (const [expert, isFrozen] of frozen.entries()) {
        const [before, after] = [first, second].map((state) =>
          state.get(`experts.${block}.2`)!.select(0, expert),
        );
        if (isFrozen === 1) expect(after!.equal(before!)).toBe(true);
        else changed += Number(!after!.equal(before!));
      }
    }
    expect(changed).toBeGreaterThan(0);
    method.dispose?.();
  });

  it("asks for what tells domains apart", async () => {
    const method = createMethod("moe-adapter", {}, "x-tail");
    await expect(async () => method.beginRun?.(recordedContext(tinyClip()))).rejects.toThrow(
      "expected the option 'features' to be a safetensors file of torchvision's AlexNet",
    );
  });
});
