import { describe, expect, it } from "vitest";
import { clipConfigs, createModel, type DualEncoder } from "../../lib/clip/index.js";
import type { Task } from "../../lib/data/index.js";
import { columnOverlap } from "../../lib/methods/dac.js";
import { createMethod } from "../../lib/methods/index.js";
import { ExpertPool } from "../../lib/methods/shared/expert-pool.js";
import { inBatchLoss } from "../../lib/methods/shared/losses.js";
import { mostVotes, PoolLayer, type PoolOptions } from "../../lib/methods/shared/pool-layer.js";
import { zeroShotClassifier } from "../../lib/methods/shared/zero-shot-classifier.js";
import * as torch from "../../lib/torch/index.js";
import { expectClose } from "../clip/fixtures.js";
import { features, snapshot, tinyClip } from "../lora/models.js";
import { float, newer } from "./fixtures.js";
import { colourTasks, recordedContext } from "./tasks.js";

const options: PoolOptions = { rank: 4, alpha: 1, topTrain: 3, dropout: 0.2, router: "fixed" };
const brief = {
  iterations: 4,
  batchSize: 9,
  logEvery: 1,
  learningRate: 0.02,
  rank: 4,
  topTrain: 3,
  topMerge: 2,
};

function poolOf(overrides: Partial<PoolOptions> = {}, model = tinyClip()) {
  const pool = new ExpertPool(model, { ...options, ...overrides }, torch.generator(1), torch.generator(2));
  return { model, pool };
}

/** B as training might leave it. */
function fillB(pool: ExpertPool): void {
  torch.noGrad(() => {
    for (const { loraB } of pool.groups)
      loraB.copy_(torch.randn(loraB.shape, { generator: torch.generator(3) }).mul(0.2));
  });
}

describe("votes", () => {
  it("agree with the example of docs/specification.md, section 7", () => {
    const scores = torch.tensor([[9, 8, 1, 0], [1, 9, 0, 8]]); // biome-ignore format: two samples
    const votes = mostVotes(scores, 2).sum([0]);
    expect(votes.toArray()).toEqual([1, 2, 0, 1]);
    expect(mostVotes(votes, 2).toArray()).toEqual([1, 1, 0, 0]); // of experts 0 and 3, the first
  });

  it("are as many as samples times experts, in every layer and step", () => {
    const { model, pool } = poolOf();
    const pixels = torch.randn([5, 3, 32, 32], { generator: torch.generator(4) });
    const ids = torch.tensor([[542, 5, 9, 543], [542, 7, 3, 543]], { dtype: "int64" }); // biome-ignore format: two texts
    for (let step = 1; step <= 2; step++) {
      model.encodeImage(pixels);
      model.encodeText(ids, { sharedPrefix: 1 }); // asked for, but every text votes
      pool.count();
      const sums = pool.votes.sum([1]).toArray() as number[];
      expect(sums).toEqual(pool.modules.map(({ encoder }) => 3 * (encoder === "vision" ? 5 : 2)));
      expect(pool.counts.sum([1]).toArray()).not.toContain(0);
    }
    const total = pool.counts.sum([1]).toArray() as number[];
    expect(total).toEqual(pool.modules.map(({ encoder }) => 2 * 3 * (encoder === "vision" ? 5 : 2)));
    pool.dispose();
  });
});

describe.each([
  ["one", "fc"],
  ["three", "q"],
])("a layer of %s", (key, target) => {
  // biome-ignore format: pairs
  it("agrees with its definition in PyTorch, in output, votes and gradients", () => {
    const { output, votes, gradients, ...values } = newer.pool[key];
    const place = tinyClip().adaptableLayers().find(({ targets }) => targets[0] === target)!;
    const tensors = {
      loraA: float(values.loraA).requiresGrad_(),
      loraB: float(values.loraB).requiresGrad_(),
      routerWeight: float(values.routerWeight),
      routerBias: float(values.routerBias),
      votes: torch.zeros([key === "one" ? 1 : 3, 5]),
    };
    const own = { rank: 5, alpha: 1.5, topTrain: 2, dropout: 0.25, router: "fixed" } as const;
    const layer = new PoolLayer(place, tensors, own, torch.generator(7));
    const x = float(values.x).requiresGrad_();
    const found = layer.forward(x, float(values.weight), float(values.bias));
    found.mul(found.detach().cos()).sum().backward();
    expectClose(found, float(output));
    expect(tensors.votes.toArray()).toEqual(votes);
    expectClose(x.grad!, float(gradients.x));
    expectClose(tensors.loraA.grad!, float(gradients.loraA), { what: "A" });
    expectClose(tensors.loraB.grad!, float(gradients.loraB), { what: "B" });
  });
});

describe("ExpertPool", () => {
  it("changes nothing at first", () => {
    const model = tinyClip();
    const before = features(model);
    const { pool } = poolOf({}, model);
    const after = features(model);
    expectClose(after.image, before.image, { atol: 1e-6 });
    expectClose(after.text, before.text, { atol: 1e-6 });
    pool.dispose();
    expect(features(model).image.equal(before.image)).toBe(true);
  });

  it("merged with all experts is the model without dropout", () => {
    const { model, pool } = poolOf({ topTrain: 4, dropout: 0 });
    fillB(pool);
    const unmerged = features(model);
    pool.count();
    const updates = pool.updates(4);
    pool.dispose();
    const weights = model.stateDict();
    torch.noGrad(() => {
      for (const [name, { loraA, loraB }] of updates) weights.get(`${name}.weight`)!.addmm_(loraB, loraA);
    });
    const merged = features(model);
    expectClose(merged.image, unmerged.image, { rtol: 1e-4, atol: 1e-4 });
    expectClose(merged.text, unmerged.text, { rtol: 1e-4, atol: 1e-4 });
  });

  it("gives experts that take no part a gradient of zero, and routers none", () => {
    const { model, pool } = poolOf();
    fillB(pool);
    features(model).image.sum().backward();
    const places = pool.layers.filter(({ place }) => place.encoder === "vision");
    for (const { tensors } of places) {
      const active = mostVotes(tensors.votes, 3).toArray() as number[][];
      const sizes = tensors.loraB.grad!.abs().sum([1]).toArray() as number[][];
      for (const [part, row] of active.entries())
        for (const [expert, isActive] of row.entries())
          expect(sizes[part]![expert]! > 0).toBe(isActive === 1);
      expect(tensors.routerWeight.grad).toBeUndefined();
    }
    pool.dispose();
  });

  it.each(["gate", "straight-through"] as const)("trains routers with %s", (router) => {
    const { model, pool } = poolOf({ router });
    fillB(pool);
    const { image, text } = features(model);
    image.sum().add(text.sum()).backward();
    const gradients = pool.layers.map(({ tensors }) => tensors.routerWeight.grad!.abs().sum().item());
    expect(Math.min(...gradients)).toBeGreaterThan(0);
    expect(pool.parameters.numel()).toBe(pool.size.experts + pool.size.routers);
    pool.dispose();
  });

  it("has the published number of parameters", () => {
    const model = createModel(clipConfigs["vit-b-16"], { device: "meta" });
    const sizeOf = (rank: number) => {
      const own = { ...options, rank, topTrain: 4 };
      const pool = new ExpertPool(model, own, torch.generator(0), torch.generator(0));
      const { experts, routers } = pool.size;
      expect(pool.modules.length).toBe(144);
      pool.dispose();
      return { experts, routers, all: experts + routers };
    };
    expect(sizeOf(12)).toEqual({ experts: 3_317_760, routers: 1_660_608, all: 4_978_368 });
    expect(sizeOf(4).all).toBe(1_659_456);
    model.dispose();
  });
});

describe("inBatchLoss", () => {
  it("agrees with the example of docs/specification.md, section 7", () => {
    const zero = torch.zeros([3, 2]);
    const labels = torch.tensor([0, 0, 1], { dtype: "int64" });
    expect(inBatchLoss(zero, zero, labels, torch.tensor(100)).item()).toBeCloseTo(1.09861, 5);
  });

  it("agrees with its definition in PyTorch, and does not depend on the order of the batch", () => {
    const { loss, gradients, ...values } = newer.inBatchLoss;
    const [images, texts] = [float(values.images).requiresGrad_(), float(values.texts).requiresGrad_()];
    const labels = torch.tensor(values.labels, { dtype: "int64" });
    const found = inBatchLoss(images, texts, labels, torch.tensor(7));
    found.backward();
    expectClose(found, float(loss));
    expectClose(images.grad!, float(gradients.images));
    expectClose(texts.grad!, float(gradients.texts));
    const order = torch.tensor([3, 5, 0, 4, 2, 1], { dtype: "int64" });
    const [i, t, y] = [images, texts, labels].map((tensor) => tensor.indexSelect(0, order)) as [
      torch.Tensor,
      torch.Tensor,
      torch.Tensor,
    ];
    expectClose(inBatchLoss(i, t, y, torch.tensor(7)), found);
  });
});

describe("columnOverlap", () => {
  const current = torch.eye(2).unsqueeze(0); // e₁ and e₂
  const past = torch.tensor([[[1], [1]]]);

  it("agrees with the example of docs/specification.md, section 7", () => {
    expect(columnOverlap([current], [past], "sum").item()).toBe(2);
    expect(columnOverlap([current], [past], "mean").item()).toBe(1);
  });

  it("is zero for orthogonal spans, does not depend on signs, and is averaged over matrices", () => {
    const [first, second] = [
      torch.eye(4).narrow(1, 0, 2).unsqueeze(0),
      torch.eye(4).narrow(1, 2, 2).unsqueeze(0),
    ];
    expect(columnOverlap([first], [second], "sum").item()).toBe(0);
    expect(columnOverlap([current.neg()], [past], "sum").item()).toBe(2);
    const others = [torch.zeros([3, 5, 2]), torch.zeros([3, 5, 1])] as const;
    expect(columnOverlap([current, others[0]], [past, others[1]], "sum").item()).toBe(0.5);
    expect(columnOverlap([current, others[0]], [past, others[1]], "mean").item()).toBe(0.25);
  });
});

it("merging: σ = 1/12, b = 6 and a = 2 make 1", () => {
  const { pool } = poolOf({ rank: 12, topTrain: 8 });
  torch.noGrad(() => {
    for (const { tensors } of pool.layers) {
      tensors.loraA.fill_(0);
      tensors.loraA.select(1, 5).fill_(2);
      tensors.loraB.fill_(6);
    }
    pool.counts.select(1, 5).fill_(1);
  });
  for (const { loraA, loraB } of pool.updates(1).values()) {
    expectClose(loraB.matmul(loraA), torch.ones([loraB.size(0), loraA.size(1)]));
  }
  pool.dispose();
});

describe("dac", () => {
  it("changes every matrix by as many ranks as are merged, and keeps earlier columns", async () => {
    for (const [preset, columns] of [
      ["released", 4],
      ["paper", 2],
    ] as const) {
      // biome-ignore format: pairs
      const model = tinyClip();
      const method = createMethod("dac", { ...brief, preset }, "x-tail");
      for (const [taskIndex, task] of colourTasks().entries()) {
        const before = snapshot(model);
        const context = recordedContext(model, { taskIndex });
        method.beginTask(task, context);
        const { trainableParameters } = await method.trainTask(task, context);
        await method.endTask(task, context);
        // Per block of width w and m within: r (d + k) of four square matrices and the two of the
        // feed-forward half.
        const blocks = [[24, 32], [24, 32], [16, 40], [16, 40], [16, 40]] as const; // biome-ignore format: pairs
        const count = blocks.reduce((sum, [w, m]) => sum + 4 * (4 * 2 * w + 2 * (w + m)), 0);
        expect(trainableParameters).toBe(count);
        const overlaps = context.events.flatMap(({ overlap }) => (overlap as number | undefined) ?? []);
        expect(overlaps.length).toBe(4);
        expect(overlaps.at(-1)! > 0, "the first task has nothing to overlap with").toBe(taskIndex > 0);
        for (const [key, weight] of model.stateDict()) {
          const change = weight.sub(before.get(key)!).double();
          const isAdapted = /(proj|fc[12])\.weight$/.test(key) && key.includes("layers");
          if (!isAdapted) expect(change.abs().max().item(), key).toBe(0);
          else {
            const [largest, , third] = torch.linalgSvdvals(change).toArray() as number[];
            expect(largest, key).toBeGreaterThan(0);
            expect(third! / largest!, key).toBeLessThan(1e-3);
          }
        }
        const past = method.state().tensors;
        expect(past.get("past.0")!.size(2)).toBe(columns * (taskIndex + 1));
        expect(model.adaptableLayers().every(({ linear }) => linear.adapter === undefined)).toBe(true);
      }
      method.dispose?.();
    }
  });

  it("learns the same with checkpointing", async () => {
    const weightsOf = async (checkpointing: boolean) => {
      const model = tinyClip();
      const method = createMethod(
        "dac",
        { ...brief, eps: 1e-3, learningRate: 1e-3, checkpointing },
        "x-tail",
      );
      for (const [taskIndex, task] of colourTasks().entries()) {
        const context = recordedContext(model, { taskIndex });
        method.beginTask(task, context);
        await method.trainTask(task, context);
        await method.endTask(task, context);
      }
      method.dispose?.();
      return snapshot(model);
    };
    const [plain, saving] = [await weightsOf(false), await weightsOf(true)];
    for (const [key, weight] of saving) expectClose(weight, plain.get(key)!, { what: key });
  });

  it("falls from one learning rate to the other along a cosine, and leaves short batches out", async () => {
    const schedule = torch.optim.cosineSchedule({ learningRate: 2e-3, total: 500, minimum: 1e-6 });
    const wanted = { 0: 2e-3, 100: 1.8091e-3, 250: 1.0005e-3, 400: 1.9189e-4, 500: 1e-6 };
    for (const [step, rate] of Object.entries(wanted))
      expect(schedule(Number(step)) / rate).toBeCloseTo(1, 4);
    const method = createMethod("dac", { ...brief, minLearningRate: 1e-4 }, "x-tail");
    const context = recordedContext(tinyClip());
    const [task] = colourTasks() as [Task];
    method.beginTask(task, context);
    await method.trainTask(task, context);
    const rates = context.events.map(({ learningRate }) => learningRate as number);
    expect([rates[0], rates.at(-1)]).toEqual([0.02, expect.closeTo(1e-4, 12)]);
    method.dispose?.();
  });

  it("has the published options", () => {
    expect(createMethod("dac", {}, "mtil").options).toMatchObject({
      preset: "released",
      iterations: 501,
      batchSize: 32,
      learningRate: 2e-3,
      minLearningRate: 1e-6,
      weightDecay: 0.01,
      betas: [0.9, 0.999],
      rank: 12,
      topTrain: 8,
      topMerge: 4,
      dropout: 0.2,
      lambda: 0.1,
      overlap: "sum",
      past: "all",
      router: "fixed",
      crops: "fixed",
    });
    expect(createMethod("dac", { preset: "paper" }, "mtil").options).toMatchObject({
      overlap: "mean",
      past: "merged",
    });
    expect(() => createMethod("dac", { rank: 3 }, "mtil")).toThrow(
      /topTrain and topMerge of no more than the rank 3, got \d+ and \d+\. Set them beside the rank/,
    );
  });
});

describe("dac with known tasks", () => {
  const options = { ...brief, knownTasks: true };

  it("gives a learned dataset exactly the scores of the model right after its task", async () => {
    const model = tinyClip();
    const tasks = colourTasks();
    const method = createMethod("dac", options, "mtil");
    await method.beginRun?.(recordedContext(model));
    const right: torch.Tensor[] = [];
    for (const [taskIndex, task] of tasks.entries()) {
      const context = recordedContext(model, { taskIndex });
      await method.beginTask(task, context);
      await method.trainTask(task, context);
      await method.endTask(task, context);
      right.push(zeroShotClassifier({ groups: [task] }, { model })(pixelsOf(model, task)));
    }
    const resumed = createMethod("dac", options, "mtil");
    await resumed.beginRun?.(recordedContext(tinyClip()));
    resumed.loadState(method.state());
    for (const each of [method, resumed]) {
      for (const [t, task] of tasks.entries()) {
        const labels = { groups: [task] };
        const scores = each.classifier(labels, recordedContext(model))(pixelsOf(model, task));
        expect(scores.equal(right[t]!), task.name).toBe(true);
        const now = zeroShotClassifier(labels, { model })(pixelsOf(model, task));
        expect(scores.equal(now), task.name).toBe(t === 1);
      }
      const [first] = tasks as [Task];
      const unknown = { groups: [{ ...first, name: "never learned" }] };
      const latest = zeroShotClassifier(unknown, { model })(pixelsOf(model, first));
      const scores = each.classifier(unknown, recordedContext(model))(pixelsOf(model, first));
      expect(scores.equal(latest)).toBe(true);
      expect(each.featureClassifier).toBeUndefined();
      each.dispose?.();
    }
  });

  it("learns as without, and is refused where the dataset of an image is not told", async () => {
    const learn = async (knownTasks: boolean) => {
      const model = tinyClip();
      const method = createMethod("dac", { ...brief, knownTasks }, "mtil");
      await method.beginRun?.(recordedContext(model));
      const [task] = colourTasks() as [Task];
      await method.beginTask(task, recordedContext(model));
      await method.trainTask(task, recordedContext(model));
      await method.endTask(task, recordedContext(model));
      method.dispose?.();
      return snapshot(model);
    };
    const [known, unknown] = [await learn(true), await learn(false)];
    for (const [key, weight] of known) expect(weight.equal(unknown.get(key)!), key).toBe(true);
    expect(() => createMethod("dac", options, "x-tail")).toThrow(
      "dac: knownTasks classifies with the weights of an image's dataset, which X-TAIL does not tell. " +
        "Expected the protocol mtil, or knownTasks false.",
    );
  });
});

function pixelsOf(model: DualEncoder, { test }: Task): torch.Tensor {
  return model.preprocessing.normalise(test.images);
}
