import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createMethod, methods, type ProtocolName } from "../../../lib/methods/index.js";

/** The error that a user reads if the options of a method do not fit. */
function complaint(method: string, options: Record<string, unknown>): string {
  try {
    createMethod(method, options, "x-tail");
  } catch (error) {
    if (error instanceof z.ZodError) return z.prettifyError(error);
    return (error as Error).message;
  }
  throw new Error(`${method} took ${JSON.stringify(options)}.`);
}

describe("methods", () => {
  it("are found by name", () => {
    for (const { name } of methods) expect(createMethod(name, {}, "x-tail").name).toBe(name);
    expect(complaint("adam", {})).toMatch(
      /^Unknown method 'adam': expected one of zero-shot, finetune, .*codyra/,
    );
  });

  it.each(methods.map(({ name }) => name))("%s refuses an option it does not know", (name) => {
    expect(complaint(name, { learning_rate: 1 })).toContain('Unrecognized key: "learning_rate"');
  });

  it.each(["finetune", "lora", "codyra"])("%s refuses options out of range and names them", (name) => {
    const wrong = {
      iterations: 0,
      batchSize: 2.5,
      learningRate: 0,
      weightDecay: -1,
      betas: [0.9, 1],
      labelSmoothing: 1.1,
      cropScale: [1, 0.9],
      loss: "hinge",
      negatives: "all",
    };
    for (const [option, value] of Object.entries(wrong)) {
      expect(complaint(name, { [option]: value }), option).toContain(`→ at ${option}`);
    }
    expect(complaint(name, { warmup: 5, iterations: 5 })).toContain(
      "expected 0 ≤ warmup < total, got warmup 5 and total 5",
    );
  });

  it.each(["lora", "codyra"])("%s refuses adapters that cannot be", (name) => {
    for (const [option, value] of Object.entries({ rank: 0, encoders: "audio", targets: [] })) {
      expect(complaint(name, { [option]: value }), option).toContain(`→ at ${option}`);
    }
    expect(complaint(name, { targets: ["q", "qkv"] })).toContain("→ at targets[1]");
  });

  it("moe-adapter refuses to choose or freeze more experts than there are", () => {
    for (const options of [{ topK: 5 }, { frozenPerTask: 5 }])
      expect(complaint("moe-adapter", { experts: 4, ...options })).toContain(
        "expected no more than there are experts",
      );
  });

  it("codyra refuses thresholds that cannot be", () => {
    for (const [option, value] of Object.entries({
      preset: "mine",
      denseRatio: 1.5,
      kappaMax: -1,
      levels: 1,
      threshold: "soft",
    })) {
      expect(complaint("codyra", { [option]: value }), option).toContain(`→ at ${option}`);
    }
  });
});

describe("the options of codyra", () => {
  const optionsOf = (given: Record<string, unknown>, protocol: ProtocolName = "x-tail") =>
    createMethod("codyra", given, protocol).options;

  // docs/specification.md, sections 2.2 to 2.4.
  const common = {
    iterations: 500,
    batchSize: 64,
    learningRate: 5e-4,
    warmup: 0,
    betas: [0.9, 0.9999],
    eps: 1e-8,
    weightDecay: 0,
    labelSmoothing: 0,
    cropScale: [0.9, 1],
    negatives: "current",
    rank: 16,
    encoders: "both",
    targets: ["q", "k", "v", "o", "fc", "proj"],
    importance: "normal",
    denseRatio: 0.5,
    kappaMax: 0.005,
    levels: 50,
    optimizer: "adamw",
  };

  it("are the paper's by default", () => {
    const paper = {
      preset: "paper",
      loss: "symmetric",
      threshold: "exact",
      schedule: "even",
      sparseFrom: "at",
    };
    expect(optionsOf({})).toEqual({
      ...common,
      ...paper,
      gates: "learned",
      pruning: "threshold",
      logEvery: 10,
      accumulate: 1,
      checkpointing: false,
      cudaGraph: true,
    });
  });

  it("are the public code's with the other preset", () => {
    const code = {
      preset: "released",
      loss: "released",
      threshold: "in-place",
      schedule: "fixed-step",
      sparseFrom: "after",
    };
    expect(optionsOf({ preset: "released" })).toEqual({
      ...common,
      ...code,
      gates: "learned",
      pruning: "threshold",
      logEvery: 10,
      accumulate: 1,
      checkpointing: false,
      cudaGraph: true,
    });
  });

  it("go over the preset where they are given", () => {
    const options = optionsOf({ preset: "released", threshold: "exact", denseRatio: 0.1 });
    expect(options).toMatchObject({ threshold: "exact", schedule: "fixed-step", denseRatio: 0.1 });
  });

  it("have a dense ratio of 0.7 in MTIL", () => {
    expect(optionsOf({}, "mtil").denseRatio).toBe(0.7);
    expect(optionsOf({ denseRatio: 0.2 }, "mtil").denseRatio).toBe(0.2);
  });
});
