import { expect, test } from "vitest";
import { runChild } from "./children.js";

test("6,000 random wrong calls in one process end as errors, or succeed, and free everything", async () => {
  const seed = 2412;
  const wanted = 6000;
  const { calls, failed, leakedTensors } = await runChild<{
    calls: number;
    failed: number;
    leakedTensors: number;
  }>(["wrong-calls.mjs", String(seed), String(wanted)], "Run it with --trace to see the call.");
  console.log(`wrong calls: seed ${seed}, ${calls} calls, ${failed} failed`);
  expect(calls).toBe(wanted);
  expect(leakedTensors).toBe(0);
  // Most are wrong, and some go all the way through.
  expect(failed / calls).toBeGreaterThan(0.5);
  expect(failed / calls).toBeLessThan(0.95);
});
