import { describe, expect, test } from "vitest";
import { cuda } from "../../lib/torch/index.js";
import { withoutCuda } from "./needs.js";

describe("without a CUDA device", withoutCuda, () => {
  const missing = /expected one of 0 CUDA devices, got number 0\. Run `codyra doctor` to see the devices\./;

  test("there are none, and emptying the cache does nothing", () => {
    expect(cuda.deviceCount()).toBe(0);
    expect(cuda.emptyCache()).toBeUndefined();
  });

  test("everything that needs one says so", () => {
    for (const call of [cuda.synchronize, cuda.memory, cuda.resetPeakMemory])
      expect(() => call()).toThrow(missing);
    expect(() => new cuda.Event().record()).toThrow(missing);
    let steps = 0;
    expect(() => cuda.capture(() => steps++)).toThrow(missing);
    expect(steps).toBe(0);
  });
});

test("events measure between two recorded ones", () => {
  expect(() => new cuda.Event().elapsedMs(new cuda.Event())).toThrow(
    "Event.elapsedMs: expected two recorded events, got one that is not. Call record() on both first.",
  );
});
