import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { CapturedParts, type Recorder, type StepPart } from "../../lib/torch/captured-step.js";
import { ones } from "../../lib/torch/index.js";

/** Parts that note when they run. */
function noted(...names: readonly string[]) {
  const log: string[] = [];
  const parts: StepPart[] = names.map((name) => ({
    run: () => {
      log.push(name);
      return name;
    },
    isOutside: name.startsWith("send"),
  }));
  /** Names since the last call. */
  const taken = (): string => log.splice(0).join(" ");
  return { parts, taken };
}

/** In place of CUDA graphs: nothing runs while it is recorded, and replays run the work. */
function standIn(failsAt = Number.POSITIVE_INFINITY) {
  const counts = { recordings: 0, live: 0, prepared: 0 };
  const recorder: Recorder = {
    aside: (body) => body(),
    prepare: () => void counts.prepared++,
    record<R>(work: () => R) {
      if (++counts.recordings === failsAt) throw new Error("it waits for the device");
      counts.live++;
      return { result: undefined as R, replay: () => void work(), dispose: () => void counts.live-- };
    },
  };
  return { recorder, counts };
}

const agree = (reason: string | undefined): string | undefined => reason;

describe("a step of parts", () => {
  it("warms up, is recorded without what runs between graphs, and goes through all in order", () => {
    const { parts, taken } = noted(
      "clear",
      "encode",
      "send features",
      "backward",
      "send gradients",
      "update",
    );
    const { recorder, counts } = standIn();
    const step = new CapturedParts(parts, recorder, { warmUp: 2, agree });
    const whole = "clear encode send features backward send gradients update";
    for (let i = 0; i < 5; i++) {
      expect(step.isCaptured).toBe(i > 2);
      step.replay();
      expect(taken(), `replay ${i}`).toBe(whole);
    }
    // Neighbours are one graph.
    expect(counts).toEqual({ recordings: 3, live: 3, prepared: 1 });
    step.dispose();
    expect(counts.live).toBe(0);
    expect(step.reason).toBe("it was disposed of");
  });

  it("returns what its last part does, recorded or not", () => {
    const { parts } = noted("encode", "send");
    const step = new CapturedParts(parts, standIn().recorder, { warmUp: 1, agree });
    expect([step.replay(), step.replay(), step.replay()]).toEqual(["send", "send", "send"]);
  });

  it.each([1, 2])("keeps no recording where number %i fails, and goes on operator by operator", (failsAt) => {
    const { parts, taken } = noted("encode", "send", "update");
    const { recorder, counts } = standIn(failsAt);
    const step = new CapturedParts(parts, recorder, { warmUp: 0, agree });
    for (let i = 0; i < 3; i++) {
      step.replay();
      expect(taken()).toBe("encode send update");
    }
    expect(step.reason).toBe("it waits for the device");
    expect(counts).toEqual({ recordings: failsAt, live: 0, prepared: 1 });
  });

  it("keeps no recording where another process could not make one", () => {
    const { recorder, counts } = standIn();
    const asked: (string | undefined)[] = [];
    const elsewhere = (reason: string | undefined): string => {
      asked.push(reason);
      return "no memory";
    };
    const step = new CapturedParts(noted("encode", "send", "update").parts, recorder, {
      warmUp: 0,
      agree: elsewhere,
    });
    for (let i = 0; i < 3; i++) step.replay();
    expect(asked).toEqual([undefined]);
    expect({ reason: step.reason, live: counts.live }).toEqual({ reason: "no memory", live: 0 });
  });

  it("shows no values of tensors while it is recorded, which would wait for the device", () => {
    const shown: string[] = [];
    const run = (): void => void shown.push(inspect(ones([1])));
    const record = <R>(work: () => R) => ({ ...standIn().recorder.record(work), result: work() });
    const step = new CapturedParts([{ run }], { ...standIn().recorder, record }, { warmUp: 0, agree });
    step.replay();
    run();
    const plain = "Tensor [1] float32 cpu";
    expect(shown).toEqual([plain, `${plain}\n[1]`, `${plain}\n[1]`]);
  });
});
