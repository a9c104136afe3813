import { describe, expect, it, vi } from "vitest";
import { type Task, taskFromArrays } from "../../lib/data/index.js";
import { type ContinualMethod, createMethod } from "../../lib/methods/index.js";
import { FrozenFeatures } from "../../lib/protocol/frozen-features.js";
import { evaluate } from "../../lib/protocol/index.js";
import { memoryStatistics, ones, scope, tensor } from "../../lib/torch/index.js";
import { tinyClip } from "../lora/models.js";
import { colourTasks, recordedContext } from "../methods/tasks.js";
import { collectGarbage } from "../torch/fixtures.js";

const zeroShot = createMethod("zero-shot", {}, "x-tail");

/** A method with these scores for every image of a batch. */
function constant(scores: (classes: number) => number[]): ContinualMethod {
  return {
    ...zeroShot,
    featureClassifier: undefined,
    classifier({ groups }) {
      const row = scores(groups.flatMap(({ classes }) => classes).length);
      return (pixels) => ones([pixels.size(0), 1]).mul(tensor(row));
    },
  };
}

describe("evaluate", () => {
  it.each(["x-tail", "mtil"] as const)("equals counting image by image in %s", async (protocol) => {
    const model = tinyClip();
    const tasks = colourTasks();
    const byHand = tasks.map((task) => {
      const own = tasks.indexOf(task);
      const groups = protocol === "mtil" ? [task] : tasks;
      const names = groups.flatMap(({ classes }) => classes);
      const offset = protocol === "mtil" || own === 0 ? 0 : tasks[0]!.classes.length;
      const labels = task.test.labels.toArray() as bigint[];
      const correct = labels.filter((label, i) => {
        const image = task.test.images.narrow(0, i, 1);
        const [probabilities] = model
          .classify(image, names, { template: task.templates })
          .toArray() as number[][];
        return probabilities!.indexOf(Math.max(...probabilities!)) === Number(label) + offset;
      });
      return correct.length / labels.length;
    });
    const options = { protocol, batchSize: 5 };
    expect(await evaluate(zeroShot, tasks, recordedContext(model), options)).toEqual(byHand);
    expect(byHand.some((accuracy) => accuracy > 0 && accuracy < 1)).toBe(true);
  });

  it("compares with the class's column among all classes in X-TAIL, among the dataset's own in MTIL", async () => {
    const context = recordedContext(tinyClip());
    const tasks = colourTasks(); // three classes, then two
    const thirdWins = constant((classes) =>
      Array.from({ length: classes }, (_, i) => (i === 3 % classes ? 1 : 0)),
    );
    expect(await evaluate(thirdWins, tasks, context, { protocol: "x-tail", batchSize: 7 })).toEqual([0, 0.5]);
    expect(await evaluate(thirdWins, tasks, context, { protocol: "mtil", batchSize: 7 })).toEqual([
      1 / 3,
      0.5,
    ]);
  });

  it.each(["x-tail", "mtil"] as const)(
    "encodes each test image once in %s, where a method never changes the image encoder",
    async (protocol) => {
      const model = tinyClip();
      const encodeImage = vi.spyOn(model, "encodeImage");
      const tasks = colourTasks();
      using features = new FrozenFeatures();
      const measure = () =>
        evaluate(zeroShot, tasks, recordedContext(model), { protocol, batchSize: 5, features });
      const first = await measure();
      const batches = encodeImage.mock.calls.length;
      expect(batches).toBe(5); // 12 and 8 images
      expect(await measure()).toEqual(first);
      expect(encodeImage).toHaveBeenCalledTimes(batches);
      const whole: ContinualMethod = { ...zeroShot, featureClassifier: undefined };
      expect(await evaluate(whole, tasks, recordedContext(model), { protocol, batchSize: 5 })).toEqual(first);
    },
  );

  it("gives ties to the lowest column", async () => {
    const context = recordedContext(tinyClip());
    const equal = constant((classes) => new Array(classes).fill(0.5));
    expect(await evaluate(equal, colourTasks(), context, { protocol: "x-tail", batchSize: 12 })).toEqual([
      1 / 3,
      0,
    ]);
  });

  it("never finds the later of two classes with one name and template", async () => {
    const colours = colourTasks()[0]!;
    const again = taskFromArrays({
      name: "more colours",
      classes: ["violets", "blue", "red", "green"],
      templates: colours.templates,
      size: 32,
      train: arrays(colours),
      test: arrays(colours),
    });
    const accuracies = await evaluate(zeroShot, [colours, again], recordedContext(tinyClip()), {
      protocol: "x-tail",
      batchSize: 100,
    });
    // The labels 1 and 2 of the second task are blue and red, whose columns in the first one come before.
    const ofFirst = accuracies[1]! * again.test.length;
    const label = again.test.labels.toArray() as bigint[];
    expect(ofFirst).toBeLessThanOrEqual(label.filter((value) => value === 0n).length);
    again.dispose();
  });

  it("reports its progress over all datasets", async () => {
    const seen: [number, number][] = [];
    const options = {
      protocol: "mtil",
      batchSize: 8,
      onProgress: (done: number, total: number) => void seen.push([done, total]),
    } as const;
    await evaluate(zeroShot, colourTasks(), recordedContext(tinyClip()), options);
    expect(seen).toEqual([8, 12, 20].map((done) => [done, 20]));
  });

  it("keeps nothing in memory", async () => {
    const context = recordedContext(tinyClip());
    const tasks = colourTasks();
    const run = () => scope(() => evaluate(zeroShot, tasks, context, { protocol: "x-tail", batchSize: 8 }));
    await run();
    await collectGarbage();
    const before = memoryStatistics();
    await run();
    expect(memoryStatistics()).toEqual(before);
  });

  it("stops when aborted", async () => {
    const context = recordedContext(tinyClip(), { signal: AbortSignal.abort() });
    await expect(
      evaluate(zeroShot, colourTasks(), context, { protocol: "mtil", batchSize: 8 }),
    ).rejects.toMatchObject({ name: "AbortError" });
  });

  /** As on a device that holds so many images; `sizes` are the batches it was given. */
  function limited(images: number): { method: ContinualMethod; sizes: number[] } {
    const sizes: number[] = [];
    const method: ContinualMethod = {
      ...zeroShot,
      featureClassifier: undefined,
      classifier(labels, context) {
        const classify = zeroShot.classifier(labels, context);
        return (pixels) => {
          sizes.push(pixels.size(0));
          if (pixels.size(0) > images) throw new Error("CUDA out of memory. Tried to allocate 2.00 GiB.");
          return classify(pixels);
        };
      },
    };
    return { method, sizes };
  }

  it("halves an automatic batch size until a batch fits, and goes on with it", async () => {
    const context = recordedContext(tinyClip());
    const tasks = colourTasks(); // 12 and 8 test images
    const { method, sizes } = limited(9);
    const accuracies = await evaluate(method, tasks, context, { protocol: "mtil", batchSize: "auto" });
    expect(accuracies).toEqual(await evaluate(zeroShot, tasks, context, { protocol: "mtil", batchSize: 5 }));
    expect(sizes).toEqual([12, 12, 12, 12, 8, 4, 8]); // of 128, 64, 32, 16, then 8 at most
  });

  it.each([
    ["not even one image fits", 0, "auto"],
    ["the batch size was given", 4, 5],
  ] as const)("ends where %s", async (_case, fits, batchSize) => {
    const { method } = limited(fits);
    const context = recordedContext(tinyClip());
    await expect(evaluate(method, colourTasks(), context, { protocol: "mtil", batchSize })).rejects.toThrow(
      "CUDA out of memory",
    );
  });
});

function arrays({ test }: Task) {
  const images = test.images.permute([0, 2, 3, 1]).contiguous().toTypedArray() as Uint8Array;
  return { images, labels: Int32Array.from(test.labels.toArray() as bigint[], Number) };
}
