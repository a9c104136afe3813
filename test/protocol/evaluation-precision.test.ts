import { expect, it } from "vitest";
import { createMethod } from "../../lib/methods/index.js";
import { tinyClip } from "../lora/models.js";
import { readEvents, readJson, temporaryFolder, tinyOptions, tinyRun } from "./tiny-run.js";

function evaluations(folder: string): Record<string, unknown>[] {
  return readEvents(folder).filter(({ kind }) => kind === "evaluation");
}

it("finds in bf16 with close calls confirmed what an exact evaluation finds, and counts them", async () => {
  const [exact, fast] = [temporaryFolder(), temporaryFolder()];
  const expected = await tinyRun(exact);
  expect(await tinyRun(fast, { evaluationPrecision: "bf16" })).toEqual(expected);
  for (const { closeCalls } of evaluations(fast)) {
    const { images, confirmed, changed } = closeCalls as Record<string, number>;
    expect(images).toBe(20);
    expect(confirmed).toBeGreaterThanOrEqual(2); // a sixteenth of each batch
    expect(confirmed).toBeLessThanOrEqual(20);
    expect(changed).toBeLessThanOrEqual(confirmed as number);
  }
  expect(readJson(fast, "run.json").config.evaluationPrecision).toBe("bf16");
});

it("says nothing of it where images are encoded exactly", async () => {
  const folder = temporaryFolder();
  await tinyRun(folder);
  expect(evaluations(folder).every(({ closeCalls }) => closeCalls === undefined)).toBe(true);
  expect(readJson(folder, "run.json").config).not.toHaveProperty("evaluationPrecision");
});

it.each([
  [
    "features are kept for every task",
    () => ({
      method: createMethod(
        "statra",
        { iterations: 4, batchSize: 9, imageIterations: 0, wordCount: 0, wordWeight: 0 },
        "x-tail",
      ),
    }),
    /^evaluationPrecision: bf16 has no effect: statra leaves the image encoder as it is,.*, exactly\.$/,
  ],
  [
    "the model computes in bf16 anyway",
    () => {
      const model = tinyClip();
      model.precision = "bf16";
      return { model };
    },
    /^evaluationPrecision: bf16 has no effect: the run computes in bf16 already .* With precision: fp32 they are confirmed\.$/,
  ],
  [
    "a method looks at more than features",
    () => ({
      method: { ...createMethod("zero-shot", {}, "x-tail"), featureClassifier: undefined },
    }),
    /^evaluationPrecision: bf16 has no effect: zero-shot looks at more of an image than its features\./,
  ],
])("confirms nothing where %s, and says so", async (_, overrides, told) => {
  const folder = temporaryFolder();
  const warnings: string[] = [];
  const observer = { warn: (message: string) => void warnings.push(message) };
  await tinyRun(folder, { ...overrides(), evaluationPrecision: "bf16", observer });
  expect(evaluations(folder).some(({ closeCalls }) => closeCalls !== undefined)).toBe(false);
  expect(warnings).toEqual([expect.stringMatching(told)]);
});

it("may change when a run goes on", async () => {
  const folder = temporaryFolder();
  const method = () => createMethod("codyra", tinyOptions, "x-tail");
  await tinyRun(folder, { method: method() });
  await tinyRun(folder, { method: method(), resume: true, evaluationPrecision: "bf16" });
  expect(readEvents(folder).at(-1)).toMatchObject({
    kind: "resumed",
    changed: { evaluationPrecision: { to: "bf16" } },
  });
});
