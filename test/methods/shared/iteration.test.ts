import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createMethod } from "../../../lib/methods/index.js";
import {
  type Capture,
  capturedIterations,
  type Inputs,
  plainIterations,
  type RecordableUpdate,
} from "../../../lib/methods/shared/iteration.js";
import { fullLike, memoryStatistics, scope, Tensor, zeros } from "../../../lib/torch/index.js";
import { tinyClip } from "../../lora/models.js";
import { collectGarbage } from "../../torch/fixtures.js";
import { colourTasks, recordedContext } from "../tasks.js";

/** Sums up what iterations read, from the batch and from the tensor that `prepare` fills. */
function summing() {
  const [sum, rate, gradient] = [zeros([]), zeros([]), zeros([])];
  const parts = [
    { run: ({ images }: Inputs) => void gradient.copy_(images.sum()) },
    { run: ({ labels }: Inputs) => void gradient.add_(labels.sum()), isCollective: true },
  ];
  const update: RecordableUpdate = {
    prepare(iteration) {
      rate.fill_(iteration + 1);
      return () => ({ iteration });
    },
    apply: () => void sum.add_(gradient.mul(rate)),
  };
  return { sum, parts, update };
}

/** Inputs of three images, and a last one of two. */
function batch(iteration: number): Inputs {
  const size = iteration % 4 === 3 ? 2 : 3;
  return {
    images: fullLike(zeros([size, 3, 2, 2]), iteration + 1),
    labels: zeros([size], { dtype: "int64" }).fill_(iteration),
  };
}

/** In place of CUDA graphs: runs the parts again. */
function replayed(parts: readonly { run(): unknown }[]) {
  let replays = 0;
  return {
    replay: () => {
      replays++;
      for (const { run } of parts) run();
    },
    reason: undefined,
    dispose() {},
    replays: () => replays,
  };
}

describe("captured iterations", () => {
  it("do what plain ones do, with batches of full size in one captured step", () => {
    const [plain, captured] = [summing(), summing()];
    let steps = 0;
    let recorded: ReturnType<typeof replayed> | undefined;
    const contenders = [
      plainIterations(plain.parts, plain.update),
      capturedIterations(captured.parts, captured.update, (parts) => {
        steps++;
        expect(parts.map(({ isOutside = false }) => isOutside)).toEqual([false, true, false]);
        recorded = replayed(parts);
        return recorded;
      }),
    ] as const;
    for (let i = 0; i < 10; i++) {
      const logged = contenders.map((iterations) => scope(() => iterations.run(batch(i), i))());
      expect(logged).toEqual([{ iteration: i }, { iteration: i }]);
      expect(captured.sum.item(), `iteration ${i}`).toBe(plain.sum.item());
    }
    expect(plain.sum.item()).toBeGreaterThan(0);
    expect(steps).toBe(1);
    expect(recorded?.replays()).toBe(8);
    for (const iterations of contenders) iterations.dispose();
  });

  it("read every batch from the tensors of the first one", () => {
    const read = new Set<Tensor>();
    const { update } = summing();
    const iterations = capturedIterations([{ run: ({ images }) => void read.add(images) }], update, replayed);
    for (const i of [0, 1, 2]) scope(() => iterations.run(batch(i), i));
    expect(read.size).toBe(1);
    iterations.dispose();
  });

  it("say once why they could not be captured", () => {
    const reasons: string[] = [];
    const { parts, update } = summing();
    const refused: Capture = (parts) => ({ ...replayed(parts), reason: "it waits" });
    const iterations = capturedIterations(parts, update, refused, (reason) => reasons.push(reason));
    for (const i of [0, 1, 2]) scope(() => iterations.run(batch(i), i));
    expect(reasons).toEqual(["it waits"]);
    iterations.dispose();
  });

  it("keep nothing", async () => {
    const run = () => {
      const { parts, update } = summing();
      const iterations = capturedIterations(parts, update, replayed);
      iterations.run(batch(0), 0);
      iterations.dispose();
    };
    scope(run);
    await collectGarbage();
    const before = memoryStatistics();
    scope(run);
    await collectGarbage();
    expect(memoryStatistics()).toEqual(before);
  });
});

describe.each(["lora", "codyra", "finetune"])("training by %s", (name) => {
  it("reads from the device only what it logs, however many iterations there are", async () => {
    const reads = (["item", "toArray", "toTypedArray"] as const).map((read) =>
      vi.spyOn(Tensor.prototype, read),
    );
    onTestFinished(() => void vi.restoreAllMocks());
    const readsOf = async (iterations: number) => {
      const [task] = colourTasks();
      const context = recordedContext(tinyClip());
      const method = createMethod(name, { iterations, batchSize: 9, logEvery: 100 }, "x-tail");
      await method.beginTask(task!, context);
      for (const read of reads) read.mockClear();
      await method.trainTask(task!, context);
      const count = reads.reduce((sum, { mock }) => sum + mock.calls.length, 0);
      await method.endTask(task!, context);
      return count;
    };
    const few = await readsOf(2);
    expect(few).toBeGreaterThan(0);
    expect(await readsOf(12)).toBe(few);
  });
});
