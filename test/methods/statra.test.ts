import { describe, expect, it, vi } from "vitest";
import { createMethod } from "../../lib/methods/index.js";
import { ClassStatistics } from "../../lib/methods/shared/class-statistics.js";
import { memoryStatistics, noGrad, scope } from "../../lib/torch/index.js";
import { snapshot, tinyClip } from "../lora/models.js";
import { colourTasks, recordedContext } from "./tasks.js";

const options = { iterations: 2, batchSize: 9, rank: 2, wordCount: 10, crops: 1, wordImageWeight: 1 };

describe("statra", () => {
  it("trains the image encoder half as long, and wants a warm-up that is shorter", () => {
    const optionsOf = (given: object) => createMethod("statra", given, "x-tail").options;
    expect(optionsOf({ iterations: 31 })).toMatchObject({ imageIterations: 15 });
    expect(optionsOf({ warmup: 249 })).toMatchObject({ warmup: 249 });
    expect(optionsOf({ warmup: 499, imageIterations: 0 })).toMatchObject({ warmup: 499 });
    for (const given of [{ warmup: 250 }, { warmup: 500, imageIterations: 0 }])
      expect(() => optionsOf(given)).toThrow("expected fewer than the iterations of each encoder");
  });

  it("keeps a share of what the text encoder learned, all else alike", async () => {
    const learn = async (given: object) => {
      const model = tinyClip();
      const before = snapshot(model);
      const context = recordedContext(model);
      const method = createMethod("statra", { ...options, imageIterations: 0, ...given }, "x-tail");
      const [task] = colourTasks();
      await method.beginRun?.(context);
      await method.beginTask(task!, context);
      await method.trainTask(task!, context);
      await method.endTask(task!, context);
      method.dispose?.();
      return new Map(
        Array.from(model.stateDict(), ([key, tensor]) => [key, tensor.sub(before.get(key)!)] as const),
      );
    };
    const [whole, half] = [await learn({}), await learn({ textScale: 0.5 })];
    const apart = (key: string) => half.get(key)!.mul(2).sub(whole.get(key)!).abs().max().item();
    const learned = [...whole.keys()].filter((key) => whole.get(key)!.abs().max().item() > 0);
    expect(learned).toContain("text_model.encoder.layers.0.self_attn.q_proj.weight");
    // A weight of about 1 carries a rounding error of 1e-7 into its difference.
    for (const key of whole.keys()) expect(apart(key), key).toBeLessThan(1e-6);
  });

  it("leaves the model and the memory as they were where adapters are not finite", async () => {
    const model = tinyClip();
    const before = snapshot(model);
    const context = recordedContext(model);
    const [task] = colourTasks();
    const method = createMethod("statra", options, "x-tail");
    const learn = vi.spyOn(ClassStatistics.prototype, "learn");
    const attempt = async () => {
      await method.beginTask(task!, context);
      await method.trainTask(task!, context);
      const adapters = model.adaptableLayers().map(({ linear }) => linear.adapter);
      expect(adapters.every((adapter) => adapter !== undefined)).toBe(true); // of both encoders
      const { loraA } = adapters[0] as unknown as { loraA: { fill_(value: number): void } };
      scope(() => noGrad(() => void loraA.fill_(Number.POSITIVE_INFINITY)));
      expect(() => method.endTask(task!, context)).toThrow(
        /^The update learned on dataset 'colours' is lost/,
      );
    };
    await attempt();
    const { liveTensors } = memoryStatistics();
    await attempt();
    expect(memoryStatistics().liveTensors).toBeLessThanOrEqual(liveTensors);
    expect(learn).not.toHaveBeenCalled();
    expect(model.adaptableLayers().filter(({ linear }) => linear.adapter !== undefined)).toEqual([]);
    for (const [key, tensor] of model.stateDict()) expect(tensor.equal(before.get(key)!), key).toBe(true);
    method.dispose?.();
  });
});
