import { expect, it } from "vitest";
import { Random } from "../../lib/data/index.js";
import { createMethod } from "../../lib/methods/index.js";
import { randomSentences } from "../../lib/methods/lwf-vr.js";
import { cat, full, tensor, zeros } from "../../lib/torch/index.js";
import { expectClose } from "../clip/fixtures.js";
import { snapshot, tinyClip } from "../lora/models.js";
import { colourTasks, recordedContext } from "./tasks.js";

/**
 * Weights after some iterations on the first task. A large epsilon makes updates proportional to gradients,
 * so that rounding stays rounding.
 */
async function learn(name: string, iterations: number) {
  const model = tinyClip();
  const options = { iterations, warmup: 0, batchSize: 9, learningRate: 0.1, eps: 1, logEvery: 1 };
  const method = createMethod(name, options, "x-tail");
  const context = recordedContext(model);
  const [task] = colourTasks();
  await method.beginTask(task!, context);
  await method.trainTask(task!, context);
  await method.endTask(task!, context);
  return { weights: snapshot(model), events: context.events };
}

it("lwf distils with a zero gradient at first, and with one as soon as the student has left its teacher", async () => {
  for (const [iterations, isSame] of [
    [1, true],
    [2, false],
  ] as const) {
    const [plain, lwf] = [await learn("finetune", iterations), await learn("lwf", iterations)];
    const differences = Array.from(lwf.weights, ([name, weight]) =>
      weight.sub(plain.weights.get(name)!).abs().max().item(),
    );
    if (isSame) expect(Math.max(...differences)).toBeLessThan(1e-6);
    else expect(Math.max(...differences)).toBeGreaterThan(1e-4);
    expect(lwf.events[0]).toEqual({ kind: "distillation", task: 0, images: 18, texts: 3 });
  }
});

const framed = (rows: readonly (readonly number[])[]) =>
  tensor(
    rows.map((ids) => [49406, ...ids, 49407]),
    { dtype: "int64" },
  );

it("random sentences are as in docs/specification.md, section 3.4, but for the zeros behind them", () => {
  const vocabulary = {
    tokenizer: { frame: (rows: readonly (readonly number[])[]) => framed(rows) },
    config: { text: { contextLength: 77, vocabSize: 49408 } },
    device: "cpu",
  } as const;
  const draw = (seed: string) =>
    randomSentences(vocabulary, { sentences: 1000, words: 10 }, new Random(seed));
  const ids = draw("a");
  expect(ids.shape).toEqual([1000, 12]);
  expect(ids.select(1, 0).equal(full([1000], 49406, { dtype: "int64" }))).toBe(true);
  expect(ids.select(1, 11).equal(full([1000], 49407, { dtype: "int64" }))).toBe(true);
  const words = ids.narrow(1, 1, 10);
  expect([words.ge(0).all().item(), words.lt(49408).all().item()]).toEqual([true, true]);
  // The mean of 10,000 numbers uniform below 49,408: its standard deviation is 143.
  expect(Math.abs(words.float().mean().item() - 49407 / 2)).toBeLessThan(5 * 143);
  expect(draw("a").equal(ids)).toBe(true);
  expect(draw("b").equal(ids)).toBe(false);
});

it("the zeros that sentences are published with change nothing", () => {
  const model = tinyClip();
  const ids = randomSentences(model, { sentences: 20, words: 4 }, new Random("c"));
  const padded = cat([ids, zeros([20, model.config.text.contextLength - 6], { dtype: "int64" })], 1);
  expectClose(model.encodeText(padded), model.encodeText(ids), { rtol: 1e-5, atol: 1e-5 });
});
