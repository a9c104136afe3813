import { describe, expect, it } from "vitest";
import { classFeatures, firstPosition } from "../../../lib/clip/index.js";
import { createMethod } from "../../../lib/methods/index.js";
import { ExpertAdam } from "../../../lib/methods/shared/expert-adam.js";
import { BlockExperts, injectExperts } from "../../../lib/methods/shared/experts.js";
import * as torch from "../../../lib/torch/index.js";
import { expectClose } from "../../clip/fixtures.js";
import { features, snapshot, tinyClip } from "../../lora/models.js";
import { tinyReference } from "../../protocol/tiny-methods.js";
import { readEvents, temporaryFolder, tinyRun } from "../../protocol/tiny-run.js";
import { baseline, float } from "../fixtures.js";
import { colourTasks, recordedContext } from "../tasks.js";

const options = { experts: 4, topK: 2, bottleneck: 1, scale: 0.1, dropout: 0 };

/** The experts of the first block, whose router and experts are set by hand. */
function handMade(width: number) {
  const model = tinyClip();
  const block = model.vision.encoder.blocks[0]!;
  const experts = new BlockExperts(block, width, options, "first", torch.generator(1), "cpu");
  const router = experts.addRouter();
  experts.use(0, false);
  const forward = (attended: torch.Tensor): torch.Tensor =>
    experts.forward(attended, (at) => at(attended), firstPosition);
  return { experts, router, forward };
}

describe("BlockExperts", () => {
  it("agrees with the example of docs/specification.md, section 4", () => {
    const { experts, router, forward } = handMade(1);
    router.weight.copy_(torch.tensor([[1, 2, 3, 0]])); // q of a first token of 1
    experts.downWeight.fill_(0);
    experts.upBias.copy_(torch.tensor([[0], [200], [100], [0]])); // expert 2 gives 10, expert 1 gives 20
    const output = forward(torch.tensor([[[1]]]));
    expect(output.item()).toBeCloseTo(12.6894, 4);

    experts.downWeight.fill_(2);
    experts.upWeight.fill_(3);
    experts.upBias.fill_(1);
    expect(forward(torch.tensor([[[1]]])).item()).toBeCloseTo(0.7, 6);
  });

  it("routes a whole sequence by its first token", () => {
    const { experts, router, forward } = handMade(2);
    router.weight.copy_(
      torch.tensor([
        [5, 4, 0, 0],
        [0, 0, 5, 4],
      ]),
    );
    experts.downWeight.fill_(0);
    experts.upBias.copy_(torch.arange(4, { dtype: "float32" }).mul(10).unsqueeze(1).expand([4, 2]));
    const output = forward(
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

  it.each([
    ["evaluation", {}],
    ["training", { dropout: 0.1 }],
  ] as const)(
    "agrees with its definition in PyTorch, in %s and in its gradients",
    (phase, { dropout = 0 }: { dropout?: number }) => {
      const { attended, router, noise, [phase]: wanted, ...parameters } = baseline("experts");
      const block = tinyClip().vision.encoder.blocks[0]!;
      const own = { experts: 5, topK: 2, bottleneck: 3, scale: 0.1, dropout };
      const experts = new BlockExperts(block, 4, own, "first", torch.generator(1), "cpu");
      experts.generator = torch.generator(7); // of noise and dropout, as in Python
      const { weight, noise: deviation } = experts.addRouter();
      const leaves = {
        downWeight: experts.downWeight,
        downBias: experts.downBias,
        upWeight: experts.upWeight,
        upBias: experts.upBias,
        router: weight,
        noise: deviation,
      };
      const values: Record<string, number[]> = { ...parameters, router, noise };
      for (const [name, leaf] of Object.entries(leaves))
        leaf.copy_(torch.tensor(values[name]!)).requiresGrad_();
      experts.use(0, phase === "training");
      const inputs = float(attended).requiresGrad_();
      const output = experts.forward(inputs, (at) => at(inputs), firstPosition);
      output.mul(output.detach().cos()).sum().backward();
      expectClose(output, float(wanted.output));
      expectClose(inputs.grad!, float(wanted.inputGradient));
      for (const [name, leaf] of Object.entries(leaves)) {
        if (wanted.gradients[name] === undefined) expect(leaf.grad, name).toBeUndefined();
        else expectClose(leaf.grad!, float(wanted.gradients[name]), { what: name });
      }
      expect(experts.taskUse.toArray()).toEqual(phase === "training" ? wanted.use : [0, 0, 0, 0, 0]);
    },
  );

  it("draws noise of a scale of 0.70315 while the noise matrix is zero", () => {
    // docs/specification.md, section 4: softplus(0) + 0.01. With a router of zeros, the scores are the
    // noise.
    const { experts, forward } = handMade(1);
    experts.use(0, true);
    experts.downWeight.fill_(0);
    experts.upBias.copy_(torch.eye(4).narrow(1, 0, 1)); // only expert 0 answers: with its gate
    const drawn = torch.randn([1, 4], { generator: torch.generator(5) }).mul(0.70315);
    experts.generator = torch.generator(5);
    const gate = forward(torch.tensor([[[1]]])).item() / 0.1;
    const [largest, chosen] = drawn.topk(2);
    const gates = torch.zeros([1, 4]).scatter(1, chosen, largest.softmax(-1));
    expect(gate).toBeCloseTo(gates.select(1, 0).item(), 5);
    expect(Math.log(Math.exp(0) + 1) + 0.01).toBeCloseTo(0.70315, 5);
  });

  it("changes no bit at first", () => {
    const model = tinyClip();
    const classes = ["cat", "dog", "bird"];
    const pixels = torch.randn([5, 3, 32, 32], { generator: torch.generator(3) });
    const answers = () => [
      ...Object.values(features(model)),
      classFeatures(model, classes, ["a photo of a {}.", "the {}"]), // prompts that begin alike
      model.encodeImage(pixels),
    ];
    const before = answers();
    for (const block of injectExperts(
      model,
      { ...options, bottleneck: 8, textRouting: "start" },
      torch.generator(1),
    )) {
      block.addRouter();
      block.use(0, false);
    }
    for (const [i, after] of answers().entries()) expect(after.equal(before[i]!)).toBe(true);
  });

  it("reads out the same from one position as from all", () => {
    const model = tinyClip();
    const blocks = injectExperts(
      model,
      { ...options, bottleneck: 8, textRouting: "start" },
      torch.generator(1),
    );
    const random = torch.generator(6);
    for (const block of blocks) {
      block.addRouter().weight.normal_(0, 1, { generator: random });
      block.upWeight.normal_(0, 1, { generator: random });
      block.use(0, false);
    }
    const ids = torch.tensor(
      [
        [542, 5, 9, 30, 543],
        [542, 5, 9, 12, 543],
      ],
      { dtype: "int64" },
    );
    const pixels = torch.randn([2, 3, 32, 32], { generator: random });
    const quick = [model.encodeImage(pixels), model.encodeText(ids, { sharedPrefix: 3 })];
    for (const block of blocks) Object.defineProperty(block, "isPositionwise", { value: false });
    for (const [i, whole] of [model.encodeImage(pixels), model.encodeText(ids)].entries()) {
      expectClose(quick[i]!, whole, { rtol: 1e-4, atol: 1e-4 });
    }
  });

  /** The gates that the last text block gives to two texts. */
  function textGates(textRouting: "start" | "end"): string[] {
    const model = tinyClip();
    const blocks = injectExperts(model, { ...options, bottleneck: 8, textRouting }, torch.generator(1));
    const texts = blocks.slice(-model.text.encoder.blocks.length);
    const random = torch.generator(6);
    const seen: string[] = [];
    for (const block of texts) {
      block.addRouter().weight.normal_(0, 1, { generator: random });
      block.upBias.copy_(torch.arange(4, { dtype: "float32" }).unsqueeze(1).expand(block.upBias.shape));
      block.downWeight.fill_(0);
      block.use(0, false);
    }
    const last = texts.at(-1)!;
    const { forward } = last;
    last.forward = function (...args) {
      const added = forward.apply(this, args); // Σ gate · expert, by construction
      for (const row of added.reshape([-1, this.width]).select(1, 0).toArray() as number[])
        seen.push(row.toFixed(6));
      return added;
    };
    const rows = [
      [542, 5, 9, 543],
      [542, 77, 3, 543],
      [542, 9, 100, 543],
    ];
    model.encodeText(torch.tensor(rows, { dtype: "int64" }));
    return seen;
  }

  it("gives all texts the same gates by their start token, and others by their end", () => {
    const byStart = textGates("start");
    expect(byStart).toHaveLength(3);
    expect(new Set(byStart).size).toBe(1);
    expect(new Set(textGates("end")).size).toBeGreaterThan(1);
  });
});

describe("ExpertAdam", () => {
  it("steps like AdamW where an expert takes part, and leaves the others and their moments alone", () => {
    const { experts } = handMade(3);
    const reference = experts.downWeight.clone();
    const own = Array.from({ length: 4 }, (_, e) => reference.select(0, e).clone().requiresGrad_());
    const adamw = own.map(
      (weight) => new torch.optim.AdamW([weight], { learningRate: 0.1, weightDecay: 0.5 }),
    );
    const adam = new ExpertAdam([experts], { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.5 });
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
        for (const parameter of [0, 1, 2, 3]) {
          const [before, after] = [first, second].map((state) =>
            state.get(`experts.${block}.${parameter}`)!.select(0, expert),
          );
          if (isFrozen === 1) expect(after!.equal(before!)).toBe(true);
          else changed += Number(!after!.equal(before!));
        }
      }
    }
    expect(changed).toBeGreaterThan(0);
    method.dispose?.();
  });

  it("logs the errors of every autoencoder on every dataset, once there are autoencoders", async () => {
    const folder = temporaryFolder();
    const reference = tinyReference();
    await tinyRun(folder, { method: createMethod("moe-adapter", brief, "x-tail"), reference });
    const errors = readEvents(folder).flatMap(({ kind, domainErrors }) =>
      kind === "evaluation" ? [domainErrors] : [],
    );
    const of = (...domains: string[]) =>
      Object.fromEntries(domains.map((domain) => [domain, expect.any(Number)]));
    expect(errors).toEqual([
      {},
      { colours: of("(reference)", "colours"), greys: of("(reference)", "colours") },
      { colours: of("(reference)", "colours", "greys"), greys: of("(reference)", "colours", "greys") },
    ]);
  });

  it("asks for what tells domains apart", async () => {
    const method = createMethod("moe-adapter", {}, "x-tail");
    await expect(async () => method.beginRun?.(recordedContext(tinyClip()))).rejects.toThrow(
      "expected the option 'features' to be a safetensors file of torchvision's AlexNet",
    );
  });
});
