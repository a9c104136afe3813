import { describe, expect, it } from "vitest";
import type { DualEncoder } from "../../lib/clip/index.js";
import type { Task } from "../../lib/data/index.js";
import { type ContinualMethod, createMethod, type RunContext } from "../../lib/methods/index.js";
import { memoryStatistics, noGrad } from "../../lib/torch/index.js";
import { snapshot, tinyClip } from "../lora/models.js";
import { collectGarbage } from "../torch/fixtures.js";
import { colourTasks, recordedContext } from "./tasks.js";

const brief = { iterations: 30, batchSize: 9, logEvery: 5 };
const full = { ...brief, learningRate: 1e-3, labelSmoothing: 0 };
const trained = {
  finetune: full,
  "wise-ft": full,
  lora: { ...brief, learningRate: 0.01, rank: 2 },
  codyra: { ...brief, learningRate: 0.01, rank: 4, kappaMax: 0.05 },
};
const adapted = ["lora", "codyra"] as const;

async function learn(method: ContinualMethod, task: Task, context: RunContext) {
  await method.beginTask(task, context);
  const summary = await method.trainTask(task, context);
  await method.endTask(task, context);
  return summary;
}

describe.each(Object.entries(trained))("%s", (name, options) => {
  it("learns one task after the other", async () => {
    const model = tinyClip();
    const method = createMethod(name, options, "x-tail");
    for (const [taskIndex, task] of colourTasks().entries()) {
      const context = recordedContext(model, { taskIndex });
      const summary = await learn(method, task, context);
      const losses = context.events.map(({ loss }) => loss as number);
      expect(context.events.map(({ kind, task, dataset, step }) => [kind, task, dataset, step])).toEqual(
        [5, 10, 15, 20, 25, 30].map((step) => ["step", taskIndex, task.name, step]),
      );
      expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
      expect(summary).toMatchObject({ iterations: 30, loss: losses.at(-1) });
    }
  });

  it("depends on the seed alone", async () => {
    const finalWeights = async (seed: number) => {
      const model = tinyClip();
      await learn(
        createMethod(name, { ...options, iterations: 3 }, "x-tail"),
        colourTasks()[0]!,
        recordedContext(model, { seed }),
      );
      return snapshot(model);
    };
    const [first, second, other] = [await finalWeights(1), await finalWeights(1), await finalWeights(2)];
    const key = "vision_model.encoder.layers.0.mlp.fc1.weight";
    for (const [name, tensor] of first) expect(tensor.equal(second.get(name)!), name).toBe(true);
    expect(first.get(key)!.equal(other.get(key)!)).toBe(false);
  });

  it("leaves the logit scale and no gradients behind", async () => {
    const model = tinyClip();
    const scale = model.logitScale.item();
    await learn(
      createMethod(name, { ...options, iterations: 2 }, "x-tail"),
      colourTasks()[0]!,
      recordedContext(model),
    );
    expect(model.logitScale.item()).toBe(scale);
    expect(model.parameters().filter(({ grad, requiresGrad }) => grad !== undefined || requiresGrad)).toEqual(
      [],
    );
  });

  it("stops at a loss that is not finite, naming dataset and iterations", async () => {
    const model = tinyClip();
    noGrad(() => model.logitScale.fill_(Number.NaN));
    const context = recordedContext(model);
    await expect(learn(createMethod(name, options, "x-tail"), colourTasks()[1]!, context)).rejects.toThrow(
      /^The loss is NaN on dataset 'greys' between iterations 1 and 5: expected a finite number\. .* Lower the learning rate/,
    );
    expect(context.events).toEqual([]);
    expectNoAdapters(model);
  });

  it("stops when the run is aborted", async () => {
    const model = tinyClip();
    const controller = new AbortController();
    let reached = 0;
    const context = recordedContext(model, {
      signal: controller.signal,
      progress(done) {
        reached = done;
        controller.abort(new DOMException("stopped by SIGINT", "AbortError"));
      },
    });
    await expect(
      learn(createMethod(name, options, "x-tail"), colourTasks()[0]!, context),
    ).rejects.toMatchObject({ name: "AbortError" });
    expect(reached).toBe(5);
    expectNoAdapters(model);
  });

  it("releases everything but the model", async () => {
    const model = tinyClip();
    const [task] = colourTasks();
    const run = () =>
      learn(createMethod(name, { ...options, iterations: 2 }, "x-tail"), task!, recordedContext(model));
    await run();
    await collectGarbage();
    const before = memoryStatistics();
    await run();
    expect(memoryStatistics()).toEqual(before);
  });
});

describe.each(adapted)("%s", (name) => {
  it("leaves an ordinary CLIP in which only the adapted matrices changed", async () => {
    const model = tinyClip();
    const before = snapshot(model);
    const options = { ...trained[name], encoders: "vision", targets: ["q", "fc"] };
    const context = recordedContext(model);
    const { trainableParameters } = await learn(
      createMethod(name, options, "x-tail"),
      colourTasks()[0]!,
      context,
    );
    expectNoAdapters(model);

    const [{ rank, names, active }] = context.ranks as [(typeof context.ranks)[0]];
    const perRank = 2 * (24 + 24 + 24 + 32) + (name === "codyra" ? 4 : 0); // two blocks, q and fc; a weight for each of four modules
    expect(trainableParameters).toBe(rank * perRank);
    const survivors = names.filter((_, i) => active[i]! > 0).map((module) => `${module}.weight`);
    const changed = [...model.stateDict()]
      .filter(([key, tensor]) => !tensor.equal(before.get(key)!))
      .map(([key]) => key);
    expect(changed.sort()).toEqual(survivors.sort());
    expect(names).toHaveLength(4);
  });

  it("keeps the model as it was before a task that was stopped", async () => {
    const model = tinyClip();
    const before = snapshot(model);
    const controller = new AbortController();
    const context = recordedContext(model, { signal: controller.signal, progress: () => controller.abort() });
    await expect(
      learn(createMethod(name, trained[name], "x-tail"), colourTasks()[0]!, context),
    ).rejects.toThrow();
    for (const [key, tensor] of model.stateDict()) expect(tensor.equal(before.get(key)!), key).toBe(true);
  });
});

describe("codyra", () => {
  it("prunes ranks in the sparse phase only, and reports what survived", async () => {
    const context = recordedContext(tinyClip());
    const options = { ...trained.codyra, kappaMax: 0.2, denseRatio: 0.5 };
    await learn(createMethod("codyra", options, "x-tail"), colourTasks()[0]!, context);
    const active = context.events.map(({ activeRanks }) => activeRanks as number);
    const kappas = context.events.map(({ kappa }) => kappa as number);
    expect(active.slice(0, 3)).toEqual([4 * 30, 4 * 30, 4 * 30]);
    expect(kappas.slice(0, 3)).toEqual([0, 0, 0]);
    expect(kappas.at(-1)).toBe(0.2);
    expect(active.at(-1)).toBeLessThan(4 * 30);
    const survived = context.ranks[0]!.active.reduce((sum, count) => sum + count, 0);
    expect(survived).toBe(active.at(-1));
  });

  it("leaves gates at their draw where they are fixed, and prunes nothing", async () => {
    const importanceAt = async (gates: string, iterations: number) => {
      const model = tinyClip();
      const method = createMethod(
        "codyra",
        { ...trained.codyra, kappaMax: 0.2, gates, iterations },
        "x-tail",
      );
      const context = recordedContext(model);
      const { trainableParameters } = await learn(method, colourTasks()[0]!, context);
      return { method, trainableParameters, ...context.ranks[0]! };
    };
    const [fixed, start, learned] = [
      await importanceAt("fixed", 30),
      await importanceAt("fixed", 1),
      await importanceAt("learned", 30),
    ];
    expect(fixed.importance).toEqual(start.importance);
    expect(learned.importance).not.toEqual(start.importance);
    expect(fixed.importance.flat().filter((weight) => weight === 0 || weight === 1)).toEqual([]);
    expect(fixed.active).toEqual(Array(30).fill(4));
    expect(learned.trainableParameters - fixed.trainableParameters).toBe(4 * 30);
    expect(fixed.method.options).toMatchObject({ gates: "fixed", pruning: "none" });
    expect(learned.method.options).toMatchObject({ gates: "learned", pruning: "threshold" });
  });

  it("prunes as many ranks of each matrix at random as by the threshold, others, and again the same", async () => {
    const trainedBy = async (pruning: string, seed = 8) => {
      const context = recordedContext(tinyClip(), { seed });
      const options = { ...trained.codyra, kappaMax: 0.08, learningRate: 1e-4, pruning };
      await learn(createMethod("codyra", options, "x-tail"), colourTasks()[0]!, context);
      const counts = context.events.map(({ activeRanks }) => activeRanks);
      const { active, importance } = context.ranks[0]!;
      return { active, counts, importance };
    };
    const [threshold, random, none] = [
      await trainedBy("threshold"),
      await trainedBy("random"),
      await trainedBy("none"),
    ];
    const kept = ({ importance }: { importance: number[][] }) =>
      importance.map((weights) => weights.map((weight) => weight !== 0));
    // So small a learning rate moves no gate across the threshold: the counts must agree, matrix by matrix
    // and at every report.
    expect(random.active).toEqual(threshold.active);
    expect(random.counts).toEqual(threshold.counts);
    expect(new Set(threshold.active).size).toBeGreaterThan(1);
    expect(kept(random)).not.toEqual(kept(threshold));
    expect(none.active).toEqual(Array(30).fill(4));
    expect(await trainedBy("random")).toEqual(random);
    expect(kept(await trainedBy("random", 9))).not.toEqual(kept(random));
    // What is kept keeps its size: it moved by less than the sum of learning rates, 30 · 1e-4.
    for (const [module, weights] of random.importance.entries()) {
      for (const [rank, weight] of weights.entries()) {
        if (weight !== 0) expect(Math.abs(weight - none.importance[module]![rank]!)).toBeLessThan(6e-3);
      }
    }
  });

  it("refuses to prune gates that are fixed", () => {
    expect(() => createMethod("codyra", { gates: "fixed", pruning: "random" }, "x-tail")).toThrow(
      /expected none where gates are fixed/,
    );
  });

  it("does not merge adapters that are not finite", async () => {
    const model = tinyClip();
    const before = snapshot(model);
    const method = createMethod("codyra", { ...trained.codyra, iterations: 1 }, "x-tail");
    const context = recordedContext(model);
    const [task] = colourTasks();
    await method.beginTask(task!, context);
    const adapter = model.adaptableLayers()[0]!.linear.adapter as unknown as {
      loraA: { fill_(value: number): void };
    };
    noGrad(() => adapter.loraA.fill_(Number.POSITIVE_INFINITY));
    expect(() => method.endTask(task!, context)).toThrow(
      /^The update learned on dataset 'colours' is lost: merge: expected finite adapters/,
    );
    expectNoAdapters(model);
    for (const [key, tensor] of model.stateDict()) expect(tensor.equal(before.get(key)!), key).toBe(true);
  });

  it.each([
    { preset: "released", negatives: "seen" },
    { encoders: "vision", labelSmoothing: 0.1 },
    { encoders: "text", loss: "released" },
    { optimizer: "sgd", importance: "ones", schedule: "learning-rate" },
    { gates: "fixed" },
    { gates: "fixed", importance: "ones" },
    { pruning: "random", threshold: "in-place" },
    { pruning: "random-shrunk", optimizer: "sgd" },
  ])("learns with %j", async (given) => {
    const model = tinyClip();
    const [first, second] = colourTasks() as [Task, Task];
    const context = recordedContext(model, { taskIndex: 1, learned: [first] });
    await learn(createMethod("codyra", { ...trained.codyra, ...given }, "mtil"), second, context);
    const losses = context.events.map(({ loss }) => loss as number);
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
  });

  it("cannot train before a task has begun", async () => {
    const method = createMethod("codyra", {}, "x-tail");
    await expect(method.trainTask(colourTasks()[0]!, recordedContext(tinyClip()))).rejects.toThrow(
      "Call beginTask first.",
    );
  });
});

describe("zero-shot", () => {
  it("leaves the model alone", async () => {
    const model = tinyClip();
    const before = snapshot(model);
    const context = recordedContext(model);
    const summary = await learn(createMethod("zero-shot", {}, "x-tail"), colourTasks()[0]!, context);
    expect(summary).toEqual({ iterations: 0, trainableParameters: 0 });
    expect(context.events).toEqual([]);
    for (const [key, tensor] of model.stateDict()) expect(tensor.equal(before.get(key)!), key).toBe(true);
  });
});

function expectNoAdapters(model: DualEncoder): void {
  expect(model.adaptableLayers().filter(({ linear }) => linear.adapter !== undefined)).toEqual([]);
}
