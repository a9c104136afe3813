import { describe, expect, it } from "vitest";
import { copyModel, type DualEncoder } from "../../../lib/clip/index.js";
import type { Task } from "../../../lib/data/index.js";
import { applyUpdates } from "../../../lib/lora/index.js";
import { createMethod, type LabelSpace, zeroShotClassifier } from "../../../lib/methods/index.js";
import { routedScores } from "../../../lib/methods/shared/routing.js";
import * as torch from "../../../lib/torch/index.js";
import { expectClose } from "../../clip/fixtures.js";
import { tinyClip } from "../../lora/models.js";
import { colourTasks, recordedContext } from "../tasks.js";

describe("routedScores", () => {
  it("gives each image the scores of its expert, in the order of the images", () => {
    const pixels = torch.tensor([[1], [2], [3], [4]]);
    const scores = routedScores(pixels, ["b", "a", "b", "a"], (expert, part) =>
      part.mul(expert === "a" ? 10 : 100),
    );
    expect(scores.toArray()).toEqual([[100], [20], [300], [40]]);
  });
});

describe("codyra-routed", () => {
  const options = { iterations: 12, batchSize: 9, learningRate: 0.02, rank: 4, kappaMax: 0.05, logEvery: 4 };

  /** Both tasks learned, with copies of the model as it was after each. */
  async function learned(extra: Record<string, unknown> = {}) {
    const model = tinyClip();
    const method = createMethod("codyra-routed", { ...options, ...extra }, "x-tail");
    const tasks = colourTasks();
    const after: DualEncoder[] = [];
    const rebuilt: DualEncoder[] = []; // the pre-trained model with the recorded updates of all tasks so far
    await method.beginRun?.(recordedContext(model));
    for (const [taskIndex, task] of tasks.entries()) {
      const context = recordedContext(model, {
        taskIndex,
        record({ updates }) {
          const next = copyModel(rebuilt.at(-1) ?? tinyClip());
          applyUpdates(next, updates);
          rebuilt.push(next);
        },
      });
      await method.beginTask(task, context);
      await method.trainTask(task, context);
      await method.endTask(task, context);
      after.push(copyModel(model));
    }
    return { model, method, tasks, after, rebuilt };
  }

  const pixelsOf = (model: DualEncoder, { test }: Task) =>
    model.preprocessing.normalise(test.slice(0, test.length).images);
  const union = (tasks: readonly Task[]): LabelSpace => ({ groups: tasks });

  it("classifies a learned dataset with the weights right after its task, when the dataset is known", async () => {
    const { model, method, tasks, after } = await learned();
    const labels = { groups: [tasks[0]!] };
    const pixels = pixelsOf(model, tasks[0]!);
    const routed = method.classifier(labels, recordedContext(model))(pixels);
    // Rebuilt from the updates, so equal up to rounding to what merging made.
    expectClose(routed, zeroShotClassifier(labels, { model: after[0]! })(pixels), { rtol: 1e-5, atol: 1e-4 });
    const plain = zeroShotClassifier(labels, { model })(pixels);
    expect(routed.sub(plain).abs().max().item()).toBeGreaterThan(1e-2);
    method.dispose?.();
  });

  it.each(["mtil", "oracle"])(
    "gives exactly the scores of each task's own model for its dataset: %s",
    async (router) => {
      const { model, method, tasks, rebuilt } = await learned(router === "oracle" ? { router } : {});
      for (const [t, task] of tasks.entries()) {
        const labels = router === "oracle" ? union(tasks) : { groups: [task] };
        const routed = method.classifier(labels, recordedContext(model))(pixelsOf(model, task), task.name);
        const own = zeroShotClassifier(labels, { model: rebuilt[t]! })(pixelsOf(model, task));
        expect(routed.equal(own)).toBe(true);
        const other = zeroShotClassifier(labels, { model: rebuilt[1 - t]! })(pixelsOf(model, task));
        expect(routed.equal(other)).toBe(false);
      }
      method.dispose?.();
    },
  );

  it("takes the dataset from the oracle, or from CLIP's own guess", async () => {
    for (const router of ["oracle", "zero-shot"]) {
      const { model, method, tasks, after } = await learned({ router });
      const pixels = pixelsOf(model, tasks[0]!);
      const current = zeroShotClassifier(union(tasks), { model })(pixels);
      const first = zeroShotClassifier(union(tasks), { model: after[0]! })(pixels);
      const routed = method.classifier(union(tasks), recordedContext(model))(pixels, tasks[0]!.name);
      const isOfFirst = (current.argmax(1).toArray() as bigint[]).map(
        (column) => router === "oracle" || column < 3n,
      );
      for (const [row, ofFirst] of isOfFirst.entries()) {
        const expected = (ofFirst ? first : current).select(0, row);
        expectClose(routed.select(0, row), expected, { rtol: 1e-5, atol: 1e-4 });
      }
      method.dispose?.();
    }
  });

  it("gives the same bits after its state was loaded", async () => {
    const { model, method, tasks } = await learned();
    const pixels = pixelsOf(model, tasks[0]!);
    const resumed = createMethod("codyra-routed", options, "x-tail");
    await resumed.beginRun?.(recordedContext(tinyClip()));
    resumed.loadState(method.state());
    const scores = [method, resumed].map((each) =>
      each.classifier(union(tasks), recordedContext(model))(pixels),
    );
    expect(scores[0]!.equal(scores[1]!)).toBe(true);
    for (const each of [method, resumed]) each.dispose?.();
  });

  it("can tell the datasets by their autoencoders", async () => {
    const ddas = { features: "clip", code: 8, iterations: 60, learningRate: 0.01, threshold: 1 };
    const { model, method, tasks, after } = await learned({ router: "ddas", ddas });
    const pixels = pixelsOf(model, tasks[0]!);
    const routed = method.classifier(union(tasks), recordedContext(model))(pixels);
    const first = zeroShotClassifier(union(tasks), { model: after[0]! })(pixels);
    expectClose(routed, first, { rtol: 1e-5, atol: 1e-4 });
    method.dispose?.();
  });
});
