import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Precision } from "../../lib/clip/index.js";
import { createMethod } from "../../lib/methods/index.js";
import { tinyClip } from "../lora/models.js";
import { everyMethod, tinyReference } from "./tiny-methods.js";
import { readJson, temporaryFolder, tinyRun } from "./tiny-run.js";

it.each(everyMethod)("%s learns the same in bf16 as in fp32", async (name, options) => {
  const [exact, fast] = [await learn("fp32"), await learn("bf16")];
  expect([exact.recorded, fast.recorded]).toEqual(["fp32", "bf16"]);
  // bfloat16 has 8 bits: losses agree in the first two digits, and of 12 and 8 test images some lie near a
  // border.
  expect(fast.losses.length).toBe(exact.losses.length);
  for (const [i, loss] of fast.losses.entries()) expect(loss / exact.losses[i]!).toBeCloseTo(1, 1);
  for (const [j, accuracy] of fast.accuracy.entries())
    expect(Math.abs(accuracy - exact.accuracy[j]!)).toBeLessThanOrEqual(0.25);
  if (fast.losses.length > 0) expect(fast.losses).not.toEqual(exact.losses);

  async function learn(precision: Precision) {
    const folder = temporaryFolder();
    const model = tinyClip();
    model.precision = precision;
    const calm = "rank" in options ? { ...options, learningRate: 0.01 } : options; // in large steps, roundings grow
    const method = createMethod(name, calm, "x-tail");
    const { matrix } = await tinyRun(folder, { model, method, reference: tinyReference() });
    return {
      accuracy: matrix.at(-1)!,
      losses: stepLosses(folder),
      recorded: readJson(folder, "run.json").config.precision as string,
    };
  }
});

function stepLosses(folder: string): number[] {
  const lines = readFileSync(join(folder, "events.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line)).flatMap(({ kind, loss }) => (kind === "step" ? [loss] : []));
}
