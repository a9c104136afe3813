import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadModel } from "../../lib/clip/index.js";
import { openMiniatureTasks, openModel } from "../../lib/experiment/index.js";
import { inject, LoraOptimizer } from "../../lib/lora/index.js";
import { createMethod } from "../../lib/methods/index.js";
import { type AccuracyMatrix, run } from "../../lib/protocol/index.js";
import { cuda, type Device, memoryStatistics, noGrad, scope, tensor } from "../../lib/torch/index.js";
import { fixture } from "../clip/fixtures.js";
import { colourTasks, recordedContext } from "../methods/tasks.js";
import { hasGpu, normal } from "./compare.js";

/** A tiny CLIP with adapters that are the same on every device, and one training step of it. */
function trainer(device: Device) {
  const model = loadModel(fixture("quick-gelu"), { device }).requiresGrad_(false);
  const lora = inject(model, { rank: 4 });
  noGrad(() => {
    lora.factors.copy_(normal(lora.factors.shape, 1).mul(0.05));
    lora.importance.copy_(normal(lora.importance.shape, 2));
  });
  const optimizer = new LoraOptimizer(lora);
  const pixels = normal([4, 3, 32, 32], 3).to({ device });
  const ids = tensor([[542, 5, 9, 543]], { dtype: "int64" }).to({ device });
  const step = () =>
    scope(() => {
      lora.zeroGrad();
      const loss = model.logits(model.encodeImage(pixels), model.encodeText(ids)).square().mean();
      loss.backward();
      optimizer.step(1e-3, 1e-3);
      return loss.detach();
    });
  return { lora, step };
}

describe.skipIf(!hasGpu)("training on a GPU", () => {
  it("goes through the same losses as on the CPU, and prunes the same ranks", () => {
    const [onCpu, onGpu] = [trainer("cpu"), trainer("cuda")];
    for (let i = 0; i < 20; i++) {
      const [wanted, actual] = [onCpu.step().item() as number, onGpu.step().item() as number];
      expect(Math.abs(actual - wanted) / Math.abs(wanted), `step ${i}`).toBeLessThan(1e-3);
    }
    expect(onGpu.lora.activeRanks()).toEqual(onCpu.lora.activeRanks());
  });

  it("does not grow memory over 2,000 steps", () => {
    const { step } = trainer("cuda");
    const measure = () => {
      cuda.synchronize();
      return { device: cuda.memory().allocatedBytes, tensors: memoryStatistics().liveTensors };
    };
    for (let i = 0; i < 10; i++) step().dispose();
    const before = measure();
    cuda.resetPeakMemory();
    step().dispose();
    const peakOfOne = cuda.memory().peakAllocatedBytes;
    for (let i = 0; i < 2_000; i++) step().dispose();
    expect(measure()).toEqual(before);
    expect(cuda.memory().peakAllocatedBytes).toBe(peakOfOne);
  });

  it.each(["float32", "bfloat16"] as const)(
    "as a graph gives the adapters that it gives operator by operator, in %s",
    async (dtype) => {
      const train = async (cudaGraph: boolean) => {
        const model = loadModel(fixture("quick-gelu"), { device: "cuda" }).requiresGrad_(false);
        model.precision = dtype === "float32" ? "fp32" : "bf16";
        // 18 images: two batches of 8 and one of 2, which no graph is recorded for.
        const options = {
          iterations: 30,
          batchSize: 8,
          rank: 4,
          learningRate: 1e-3,
          kappaMax: 0.02,
          cudaGraph,
        };
        const method = createMethod("codyra", options, "x-tail");
        const [task] = colourTasks();
        const context = recordedContext(model);
        await method.beginTask(task!, context);
        await method.trainTask(task!, context);
        await method.endTask(task!, context);
        return { context, weights: Array.from(model.stateDict()) };
      };
      const [plain, graph] = [await train(false), await train(true)];
      expect(graph.context.events.map(({ activeRanks }) => activeRanks)).toEqual(
        plain.context.events.map(({ activeRanks }) => activeRanks),
      );
      for (const [i, [name, weight]] of graph.weights.entries())
        expectNear(weight, plain.weights[i]![1], name);
    },
  );

  it("gives a miniature run the accuracies of the CPU within noise", async () => {
    const options = { iterations: 50, batchSize: 32, learningRate: 3e-3, rank: 8, kappaMax: 0.025 };
    const accuracies = async (device: Device): Promise<AccuracyMatrix> => {
      const directory = mkdtempSync(join(tmpdir(), "codyra-gpu-"));
      const model = openModel({ model: "miniature" }, device);
      const tasks = await openMiniatureTasks({ shots: 8, testPerClass: 10, seed: 1 }, model);
      try {
        const method = createMethod("codyra", options, "x-tail");
        return await run({
          name: "gpu",
          protocol: "x-tail",
          model,
          method,
          tasks: tasks.slice(0, 3),
          seed: 1,
          directory,
        });
      } finally {
        for (const task of tasks) task.dispose();
        model.dispose();
        rmSync(directory, { recursive: true });
      }
    };
    const [wanted, actual] = [await accuracies("cpu"), await accuracies("cuda")];
    // Rounding may turn the decision about an image or two, and grows in training.
    const differences = (a: readonly number[], b: readonly number[]) =>
      a.map((value, i) => Math.abs(value - b[i]!));
    expect(Math.max(...differences(wanted.zeroShot!, actual.zeroShot!))).toBeLessThan(0.02);
    const mean = (matrix: AccuracyMatrix) =>
      matrix.matrix.flat().reduce((sum, value) => sum + value, 0) / matrix.matrix.flat().length;
    expect(Math.abs(mean(wanted) - mean(actual))).toBeLessThan(0.05);
  });
});
