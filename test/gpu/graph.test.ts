import { describe, expect, it } from "vitest";
import {
  callOperator,
  cuda,
  noGrad,
  ones,
  scope,
  type Tensor,
  tensor,
  zeros,
} from "../../lib/torch/index.js";
import { hasGpu, normal } from "./compare.js";

/**
 * Regression with the fused update: each step reads its input and its schedule from tensors that stay where
 * they are.
 */
function regression() {
  const device = "cuda";
  const weight = normal([16, 8], 1).to({ device }).requiresGrad_();
  const [input, schedule] = [zeros([32, 8], { device }), zeros([3], { device, dtype: "float64" })];
  const moments = [zeros([16, 8], { device }), zeros([16, 8], { device })];
  weight.grad = zeros([16, 8], { device });
  let steps = 0;
  const feed = () => {
    steps++;
    input.copy_(normal([32, 8], 10 + steps));
    schedule.copy_(tensor([1e-2 / steps, 1e-4, steps], { dtype: "float64" }));
  };
  const goBack = () => {
    noGrad(() => weight.grad!.zero_());
    const loss = input.matmul(weight.t()).square().mean();
    loss.backward();
    return loss.detach();
  };
  const update = (gradient: Tensor) =>
    noGrad(() =>
      callOperator("codyra::adamw_soft_threshold_.schedule", weight, gradient, ...moments, schedule, {
        ...{ beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01, first: 64 },
      }),
    );
  const step = () => {
    const loss = goBack();
    update(weight.grad!);
    return loss;
  };
  /** The same in two: to the gradient, and from it. */
  const halves = () =>
    [
      () => {
        goBack();
        return weight.grad!;
      },
      update,
    ] as const;
  return { weight, feed, step, halves };
}

describe.skipIf(!hasGpu)("a captured step", () => {
  it("gives the same losses and weights as one that is not captured", () => {
    const [plain, recorded] = [regression(), regression()];
    const captured = cuda.capture(recorded.step, { warmUp: 3 });

    for (let i = 0; i < 20; i++) {
      plain.feed();
      recorded.feed();
      const [wanted, actual] = [plain.step().item() as number, captured.replay().item() as number];
      expect(Math.abs(actual - wanted) / wanted, `step ${i}`).toBeLessThan(1e-6);
      expect(captured.isCaptured, captured.reason).toBe(i >= 3);
    }
    expect(recorded.weight.sub(plain.weight).abs().max().item()).toBeLessThan(1e-6);
    captured.dispose();
  });

  it("runs operator by operator where it waits for the device, and says why", () => {
    const x = ones([4], { device: "cuda" });
    const captured = cuda.capture(() => x.sum().item() as number, { warmUp: 1 });
    for (let i = 0; i < 4; i++) expect(captured.replay()).toBe(4);
    expect(captured.isCaptured).toBe(false);
    expect(captured.reason).toMatch(/captur/i);
    // Nothing of the failed capture stays behind.
    const again = cuda.capture(() => x.mul(2), { warmUp: 0 });
    expect((again.replay() as Tensor).toArray()).toEqual([2, 2, 2, 2]);
    expect(again.reason).toBeUndefined();
    again.dispose();
  });

  it("becomes several graphs with what runs between them, and gives the same losses and weights", () => {
    const [plain, recorded] = [regression(), regression()];
    const [sent, received] = [zeros([16, 8], { device: "cuda" }), zeros([16, 8], { device: "cuda" })];
    const [first, second] = recorded.halves();
    let sendings = 0;
    const send = () => {
      sendings++;
      received.copy_(sent.to({ device: "cpu" }));
    };
    const step = cuda.captureParts(
      [
        { run: () => noGrad(() => sent.copy_(first())) },
        { run: send, isOutside: true },
        { run: () => second(received) },
      ],
      { warmUp: 3 },
    );
    for (let i = 0; i < 20; i++) {
      plain.feed();
      recorded.feed();
      plain.step();
      scope(() => void step.replay());
      expect(step.isCaptured, step.reason).toBe(i >= 3);
    }
    expect(sendings).toBe(20); // not while it was recorded
    expect(recorded.weight.sub(plain.weight).abs().max().item()).toBeLessThan(1e-6);
    step.dispose();
  });

  it("passes on what its warm-up throws, and goes back to the stream it came from", () => {
    const captured = cuda.capture(() => {
      throw new Error("no such step");
    });
    expect(() => captured.replay()).toThrow("no such step");
    expect(scope(() => ones([2], { device: "cuda" }).sum().item())).toBe(2);
  });
});

describe.skipIf(!hasGpu)("an event", () => {
  it("measures how long the device works", () => {
    const [start, end] = [new cuda.Event(), new cuda.Event()];
    const x = normal([2048, 2048], 1).to({ device: "cuda" });
    start.record();
    scope(() => {
      for (let i = 0; i < 20; i++) x.matmul(x);
    });
    end.record();
    const ms = start.elapsedMs(end);
    expect(ms).toBeGreaterThan(0.1); // 344 GFLOP
    expect(ms).toBeLessThan(10_000);
  });
});
