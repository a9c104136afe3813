import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { AdaptableLayer, DualEncoder } from "../../lib/clip/index.js";
import {
  inject,
  type LoraModel,
  LoraOptimizer,
  type LoraOptimizerOptions,
  type LoraTarget,
} from "../../lib/lora/index.js";
import {
  autocast,
  memoryStatistics,
  nn,
  noGrad,
  optim,
  scope,
  type Tensor,
  tensor,
} from "../../lib/torch/index.js";
import { expectClose } from "../clip/fixtures.js";
import { tinyClip, trainedAdapters } from "./models.js";

type Matrix = number[][];
type Adapters = Record<string, { a: Matrix; b: Matrix; w: number[] }>;
interface Fixture {
  learningRate: number;
  weightDecay: number;
  kappa: number[];
  data: { x: Matrix; qkvWeight: Matrix; qkvBias: number[]; fcWeight: Matrix; fcBias: number[] };
  cases: {
    targets: LoraTarget[];
    start: Adapters;
    loss: number;
    gradients: Adapters;
    trained: (Pick<LoraOptimizerOptions, "optimizer" | "threshold"> & { end: Adapters })[];
  }[];
}

const { data, cases, kappa, learningRate, weightDecay } = JSON.parse(
  readFileSync(new URL("fixtures/adapters.json", import.meta.url), "utf8"),
) as Fixture;

describe.each(cases)(
  "adapters of $targets against plain PyTorch",
  ({ targets, start, loss, gradients, trained }) => {
    it("have the same loss and gradients", () => {
      const { lora, lossOf } = adaptedLayers(targets, start);
      const value = lossOf();
      expect(value.item()).toBeCloseTo(loss, 5);
      value.backward();
      expectAdapters(lora, gradients, ({ grad }) => grad!);
    });

    it.each(trained)(
      "reach the same weights after 20 steps of $optimizer with the $threshold threshold",
      ({ end, ...options }) => {
        const { lora, lossOf } = adaptedLayers(targets, start);
        const optimizer = new LoraOptimizer(lora, { ...options, weightDecay });
        const schedule = optim.cosineSchedule({ learningRate, total: kappa.length });
        for (const [step, k] of kappa.entries()) {
          lora.zeroGrad();
          lossOf().backward();
          optimizer.step(schedule(step), k);
        }
        expectAdapters(lora, end, (tensor) => tensor);
        const zeros = lora.importance.eq(0).sum().item();
        expect(zeros).toBe(Object.values(end).flatMap(({ w }) => w.filter((value) => value === 0)).length);
        expect(zeros).toBeGreaterThan(0);
      },
    );
  },
);

it("leaves fixed importance weights alone", () => {
  const model = tinyClip();
  const lora = trainedAdapters(model, { rank: 2, importance: "fixed" });
  const optimizer = new LoraOptimizer(lora);
  lora.parameters.grad!.fill_(1);
  const before = lora.factors.clone();
  optimizer.step(0.1, 0.5);
  expect(lora.importance.eq(1).all().item()).toBe(true);
  expectClose(lora.factors, before.sub(0.1)); // AdamW's first step is the learning rate
});

it("takes no step inside autocast, whose forward passes would not see it", () => {
  const lora = trainedAdapters(tinyClip(), { rank: 2 });
  const optimizer = new LoraOptimizer(lora);
  lora.parameters.grad!.fill_(1);
  const before = lora.parameters.clone();
  expect(() => autocast({}, () => optimizer.step(0.1, 0))).toThrow(
    "LoraOptimizer.step: expected a call outside of autocast, got one inside",
  );
  expect(() => autocast({}, () => optimizer.stepBy(tensor([0.1, 0, 1], { dtype: "float64" })))).toThrow(
    "LoraOptimizer.stepBy: expected a call outside of autocast, got one inside",
  );
  expect(optimizer.steps).toBe(0);
  expectClose(lora.parameters, before);
});

it("releases its state", () => {
  const lora = trainedAdapters(tinyClip(), { rank: 2 });
  const before = memoryStatistics();
  scope(() => {
    const optimizer = new LoraOptimizer(lora);
    optimizer.step(0.1, 0.1);
    optimizer.dispose();
  });
  expect(memoryStatistics()).toEqual(before);
});

/** The two layers of the fixture as a model, with adapters that start where the fixture's do. */
function adaptedLayers(
  targets: readonly LoraTarget[],
  start: Adapters,
): { lora: LoraModel; lossOf: () => Tensor } {
  const qkv = new nn.StackedLinear(4, 4, ["q", "k", "v"]);
  const fc = new nn.Linear(4, 6);
  noGrad(() => {
    qkv.weight.copy_(tensor(data.qkvWeight));
    qkv.bias!.copy_(tensor(data.qkvBias));
    fc.weight.copy_(tensor(data.fcWeight));
    fc.bias!.copy_(tensor(data.fcBias));
  });
  const place = { encoder: "text", layer: 0 } as const;
  const layers: AdaptableLayer[] = [
    { ...place, name: "qkv", targets: ["q", "k", "v"], linear: qkv },
    { ...place, name: "fc", targets: ["fc"], linear: fc },
  ];
  const lora = inject({ adaptableLayers: () => layers, device: "cpu" } as DualEncoder, { rank: 2, targets });
  noGrad(() => {
    for (const { target, a, b, w } of partsOf(lora)) {
      const { a: startA, b: startB, w: startW } = start[target]!;
      a.copy_(tensor(startA));
      b.copy_(tensor(startB));
      w.copy_(tensor(startW));
    }
  });
  const lossOf = (): Tensor => {
    const [q, k, v] = qkv.forward(tensor(data.x)).chunk(3, -1) as [Tensor, Tensor, Tensor];
    return fc.forward(q.tanh().mul(k).add(v)).square().mean();
  };
  return { lora, lossOf };
}

function expectAdapters(lora: LoraModel, wanted: Adapters, select: (parameter: Tensor) => Tensor): void {
  for (const { target, a, b, w } of partsOf(lora, select)) {
    for (const [name, actual] of Object.entries({ a, b, w })) {
      expectClose(actual, tensor(wanted[target]![name as "a"]), { what: `${name} of ${target}` });
    }
  }
}

function partsOf(lora: LoraModel, select: (parameter: Tensor) => Tensor = (parameter) => parameter) {
  return lora.layers.flatMap(({ targets, loraA, loraB, importance }) =>
    targets.map((target, i) => ({
      target,
      a: select(loraA).select(0, i),
      b: select(loraB).select(0, i),
      w: select(importance).select(0, i),
    })),
  );
}
