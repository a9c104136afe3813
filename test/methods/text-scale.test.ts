import { readFileSync } from "node:fs";
import { expect, it, vi } from "vitest";
import type { LoraModel } from "../../lib/lora/index.js";
import { createMethod } from "../../lib/methods/index.js";
import type { AdapterTraining } from "../../lib/methods/shared/adapters.js";
import { noGrad, scope, type Tensor, tensor } from "../../lib/torch/index.js";
import { expectClose } from "../clip/fixtures.js";
import { tinyClip } from "../lora/models.js";
import { colourTasks, recordedContext } from "./tasks.js";

// Computed by fixtures/make-statra.py in float64.
const { textScale: expected } = JSON.parse(
  readFileSync(new URL("./fixtures/statra.json", import.meta.url), "utf8"),
);

const trained = vi.hoisted(() => ({ encoders: [] as string[], texts: [] as Tensor[] }));

// Training leaves the factors that the script has, so that its result is known.
vi.mock("../../lib/methods/shared/adapters.js", async (importOriginal) => ({
  ...(await importOriginal<object>()),
  async trainAdapters(_task: unknown, _context: unknown, { adapters, plan }: AdapterTraining) {
    trained.encoders.push(adapters.config.encoders);
    if (adapters.config.encoders === "text") learnWaves(adapters);
    else trained.texts.push(plan!.texts!(0).classes.detach().clone().keep());
    return 0;
  },
}));

/** `sin(shift), sin(shift + 1), …` */
function wave(shape: readonly number[], shift: number): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return tensor(Array.from({ length: count }, (_, i) => Math.sin(shift + i))).view([...shape]);
}

function learnWaves({ layers, importance, config: { rank } }: LoraModel): void {
  let number = 0;
  noGrad(() =>
    scope(() => {
      for (const { targets, loraA, loraB } of layers)
        for (const part of targets.keys()) {
          const [a, b] = [loraA.select(0, part), loraB.select(0, part)];
          a.copy_(wave(a.shape, number));
          b.copy_(wave(b.shape, 100 + number).mul(0.2));
          importance.select(0, number).copy_(wave([rank], 200 + number));
          number++;
        }
    }),
  );
}

it("W = W₀ + θ B diag(w) A is what the image encoder learns against, and what is merged", async () => {
  const model = tinyClip();
  const [task] = colourTasks();
  const context = recordedContext(model);
  const options = { iterations: 2, batchSize: 9, rank: 2, wordCount: 10, crops: 1 };
  const method = createMethod("statra", { ...options, textScale: expected.theta }, "x-tail");
  await method.beginRun?.(context);
  await method.beginTask(task!, context);
  await method.trainTask(task!, context);
  await method.endTask(task!, context);
  method.dispose?.();

  expect(trained.encoders).toEqual(["text", "vision"]);
  const [texts] = trained.texts;
  // Ours is float32: 1e-5 is a hundred times its epsilon.
  expectClose(texts!, tensor(expected.texts), { rtol: 0, atol: 1e-5, what: "texts of phase 2" });
  texts!.dispose();
  const weights = model.stateDict();
  for (const [name, weight] of Object.entries(expected.weights) as [string, number[][]][])
    expectClose(weights.get(`${name}.weight`)!, tensor(weight), { rtol: 0, atol: 1e-5, what: name });
});
