import { expect, it } from "vitest";
import { createMethod, standaloneContext } from "../../lib/methods/index.js";
import { evaluate, evaluateZeroShot } from "../../lib/protocol/index.js";
import { memoryStatistics } from "../../lib/torch/index.js";
import { tinyClip } from "../lora/models.js";
import { colourTasks } from "../methods/tasks.js";
import { collectGarbage } from "../torch/fixtures.js";

it("gives in one pass what evaluating in each protocol gives", async () => {
  const [model, tasks] = [tinyClip(), colourTasks()];
  await evaluateZeroShot(model, tasks); // the model keeps its preprocessing's constants
  await collectGarbage();
  const before = memoryStatistics();
  const both = await evaluateZeroShot(model, tasks, { batchSize: 5 });
  expect(memoryStatistics()).toEqual(before);
  for (const protocol of ["x-tail", "mtil"] as const) {
    const method = createMethod("zero-shot", {}, protocol);
    const one = await evaluate(method, tasks, standaloneContext(model, protocol), {
      protocol,
      batchSize: 100,
    });
    expect(both[protocol], protocol).toEqual(one);
  }
  expect(both.mtil).not.toEqual(both["x-tail"]);
  const signal = AbortSignal.abort(new DOMException("stopped", "AbortError"));
  await expect(evaluateZeroShot(model, tasks, { signal })).rejects.toMatchObject({ name: "AbortError" });
});
