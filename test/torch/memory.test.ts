import { describe, expect, test } from "vitest";
import { needs } from "../needs.js";
import { runChild } from "./children.js";

/** AddressSanitizer keeps memory of its own, so that resident memory says nothing. */
const needsPlainMemory = needs(
  !process.env.LD_PRELOAD?.includes("libasan"),
  "memory is not measured under AddressSanitizer",
  "`npm test` measures it",
);

describe("memory", () => {
  test("10,000 training steps do not grow resident memory", needsPlainMemory, async () => {
    const { grownBytes, leftTensors, firstLoss, lastLoss } = await runChild<{
      grownBytes: number;
      leftTensors: number;
      firstLoss: number;
      lastLoss: number;
    }>(["training.mjs", "10000", "5000"]);
    expect(leftTensors).toBe(0);
    // V8's heap grows to its size within the first thousands; 10 MiB in the other 5,000 is half a tensor a
    // step.
    expect(grownBytes, "bytes after a warm-up of 5,000 steps").toBeLessThan(10 << 20);
    expect(lastLoss).toBeLessThan(firstLoss / 2); // it did train
  });

  test("the garbage collector frees what no scope owns", async () => {
    const { before, after, collected } = await runChild<{ before: number; after: number; collected: number }>(
      ["--expose-gc", "garbage.mjs"],
    );
    expect(after - before).toBe(20_010);
    expect(collected).toBe(before);
  });

  test("of large tensors that no scope owns is collected in time; for those of scopes V8 does not collect", async () => {
    type Measured = { collections: number; most: number };
    const { steps, scoped, unscoped } = await runChild<{
      steps: number;
      scoped: Measured;
      unscoped: Measured;
    }>(["collections.mjs"]);
    expect(scoped).toEqual({ collections: 0, most: 0 });
    expect(unscoped.collections).toBeGreaterThan(0);
    expect(unscoped.most).toBeLessThan(steps / 2);
  });
});
