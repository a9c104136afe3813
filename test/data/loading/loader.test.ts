import { describe, expect, it } from "vitest";
import { type LoadBatchesOptions, type LoadedBatch, loadBatches } from "../../../lib/data/index.js";
import * as torch from "../../../lib/torch/index.js";
import { example, examples, fill, missing, settled, size } from "../examples.js";

/** The colours of the images of a batch, each of which has only one. */
function colours({ images }: LoadedBatch): number[] {
  return torch.scope(() => {
    const pixels = images.flatten(1);
    expect(pixels.amax([1]).equal(pixels.amin([1]))).toBe(true);
    return pixels.amax([1]).toArray() as number[];
  });
}

async function collect(list = examples(10), transform = fill(), options: Partial<LoadBatchesOptions> = {}) {
  const batches: { indices: readonly number[]; colours: number[]; shape: number[] }[] = [];
  for await (const batch of loadBatches(list, transform, { batchSize: 4, ...options })) {
    batches.push({ indices: batch.indices, colours: colours(batch), shape: batch.images.shape });
  }
  return batches;
}

describe("loadBatches", () => {
  it("gives images in order, whichever is done first, with their sizes", async () => {
    const slowFirst = fill((value) => (value % 4 === 0 ? 30 : 1));
    const batches = await collect(examples(10), slowFirst);
    expect(batches.map((batch) => batch.indices)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect(batches.flatMap((batch) => batch.colours)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(batches.map(({ shape }) => shape)).toEqual([4, 4, 2].map((count) => [count, 3, size, size]));
    for await (const { sizes, digests } of loadBatches([example(7)], fill(), { batchSize: 1 })) {
      expect(sizes).toMatchObject([{ width: 17, height: 10 }]);
      expect(digests).toHaveLength(1);
    }
  });

  it("works ahead, but not further than asked", async () => {
    const transform = fill();
    const batches = loadBatches(examples(100), transform, { batchSize: 4, prefetch: 3 });
    await batches.next();
    await settled(transform);
    expect(transform.applied).toHaveLength(4 * 4);
    await batches.next();
    await settled(transform);
    expect(transform.applied).toHaveLength(5 * 4);
    await batches.return();
  });

  it("takes no more of a stream than the batches ahead hold, and keeps none of it", async () => {
    let [taken, inFlight, mostInFlight, isClosed] = [0, 0, 0, false];
    const stream = async function* () {
      try {
        for (; taken < 1000; taken++) {
          const { read, ...rest } = example(taken % 256);
          yield {
            ...rest,
            read: () => {
              mostInFlight = Math.max(mostInFlight, ++inFlight);
              return read().finally(() => inFlight--);
            },
          };
        }
      } finally {
        isClosed = true;
      }
    };
    const batches = loadBatches(stream(), fill(), { batchSize: 4, prefetch: 3 });
    let given = 0;
    for await (const { indices, examples: ofBatch } of batches) {
      expect(ofBatch.map(({ label }) => label)).toEqual(indices.map((index) => index % 256));
      given += indices.length;
      expect(taken - given).toBeLessThanOrEqual(4 * 4);
      if (given === 400) break;
    }
    expect(mostInFlight).toBeLessThanOrEqual(4 * 4);
    expect([given, isClosed]).toEqual([400, true]);
  });

  it("stops when the loop is left, and releases what it had loaded", async () => {
    const before = torch.memoryStatistics().liveTensors;
    const transform = fill(() => 5);
    for await (const _ of loadBatches(examples(100), transform, { batchSize: 8 })) break;
    const applied = transform.applied.length;
    expect(applied).toBeLessThanOrEqual(3 * 8);
    await settled(transform);
    expect(transform.applied).toHaveLength(applied);
    expect(torch.memoryStatistics().liveTensors).toBe(before);
  });

  it("fails at the batch of the unreadable image, after those before it", async () => {
    const list = [...examples(6), missing("a.jpg"), example(7), missing("b.jpg")];
    const before = torch.memoryStatistics().liveTensors;
    const seen: number[] = [];
    const read = async () => {
      for await (const batch of loadBatches(list, fill(), { batchSize: 4 })) seen.push(...colours(batch));
    };
    await expect(read()).rejects.toThrow(/got 1 of 4 that are not.*:\n {2}\/nowhere\/a\.jpg: no such file$/);
    expect(seen).toEqual([0, 1, 2, 3]);
    expect(torch.memoryStatistics().liveTensors).toBe(before);
  });

  it("leaves unreadable images out on request, and batches of nothing else", async () => {
    const list = [example(1), missing("a.jpg"), example(3), missing("b.jpg"), missing("c.jpg"), example(6)];
    const unreadable: unknown[] = [];
    const onUnreadable = (image: unknown) => void unreadable.push(image);
    const batches = await collect(list, fill(), { batchSize: 2, onUnreadable });
    expect(batches.map((batch) => batch.indices)).toEqual([[0], [2], [5]]);
    expect(batches.flatMap((batch) => batch.colours)).toEqual([1, 3, 6]);
    const expected = [1, 3, 4].map((index) => ({ index, example: list[index], reason: "no such file" }));
    expect(unreadable).toEqual(expected);
    expect(await collect([missing("a.jpg")], fill(), { onUnreadable })).toEqual([]);
  });

  it("throws the signal's reason", async () => {
    const controller = new AbortController();
    const transform = fill(() => 2);
    const read = async () => {
      for await (const { indices } of loadBatches(examples(100), transform, {
        batchSize: 4,
        signal: controller.signal,
      })) {
        if (indices[0] === 8) controller.abort(new Error("enough"));
      }
    };
    await expect(read()).rejects.toThrow("enough");
    expect(transform.applied.length).toBeLessThanOrEqual(5 * 4);
  });

  it.each([{ batchSize: 0 }, { batchSize: 1.5 }, { prefetch: -1 }])("refuses %j", async (options) => {
    await expect(collect(examples(1), fill(), options)).rejects.toThrow(
      /expected (batchSize|prefetch) to be an integer of [01] or more, got (0|1\.5|-1)\./,
    );
  });
});
