import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import type { Task } from "../../lib/data/index.js";
import { createMethod } from "../../lib/methods/index.js";
import type { RunOptions } from "../../lib/protocol/index.js";
import { safetensors } from "../../lib/torch/index.js";
import { tinyClip } from "../lora/models.js";
import { colourTasks } from "../methods/tasks.js";
import { everyMethod } from "./tiny-methods.js";
import { readFiles, temporaryFolder, tinyRun } from "./tiny-run.js";

/** 12, 8 and 12 test images. */
function threeTasks(): Task[] {
  const [colours, greys] = colourTasks() as [Task, Task];
  const [again] = colourTasks() as [Task];
  const classes = again.classes.map((name) => `${name} shade`);
  return [colours, greys, { ...again, name: "shades", classes, fingerprint: "shades" }];
}

/** Learns some of three tasks. @returns how many images were encoded before a task began */
async function learn(directory: string, name: string, count: number, overrides: Partial<RunOptions> = {}) {
  const [, options] = everyMethod.find(([known]) => known === name)!;
  const { protocol = "x-tail" } = overrides;
  const model = tinyClip();
  const encodeImage = model.encodeImage.bind(model);
  let images = 0;
  vi.spyOn(model, "encodeImage").mockImplementation((pixels) => {
    images += pixels.size(0);
    return encodeImage(pixels);
  });
  let encoded: number | undefined;
  const observer = {
    taskStarted() {
      encoded ??= images;
    },
  };
  const method = createMethod(name, options, protocol);
  const tasks = threeTasks().slice(0, count);
  await tinyRun(directory, { ...overrides, protocol, method, model, tasks, resume: true, observer });
  return encoded;
}

const filesOf = (directory: string): string[] =>
  readFiles(directory).flatMap(([path]) =>
    path.startsWith("features/") ? [path.slice("features/".length)] : [],
  );

it.each(["codyra", "lora", "dac", "statra", "rail-dual", "codyra+rail-dual"])(
  "%s grows without encoding an image again that it knows",
  async (name) => {
    const directory = temporaryFolder();
    await learn(directory, name, 2);
    const isFrozen = name === "rail-dual";
    const models = isFrozen ? ["zero-shot"] : ["task-0", "task-1", "zero-shot"];
    const files = (datasets: number) =>
      models.flatMap((model) =>
        Array.from({ length: datasets }, (_, j) => `${model}/dataset-${j}.safetensors`),
      );
    expect(filesOf(directory)).toEqual(files(2));
    expect(await learn(directory, name, 3)).toBe(12 * models.length); // the new dataset, for each model
    if (!isFrozen) models.splice(2, 0, "task-2");
    expect(filesOf(directory)).toEqual(files(3));
  },
);

it("computes again what is damaged, of another precision, or missing", async () => {
  const [directory, undisturbed] = [temporaryFolder(), temporaryFolder()];
  for (const each of [directory, undisturbed]) await learn(each, "codyra", 2);
  const file = (name: string) => join(directory, "features", name, "dataset-0.safetensors");
  const whole = readFileSync(file("task-0"));
  writeFileSync(file("task-0"), whole.subarray(0, whole.length - 5));
  const { tensors, metadata } = safetensors.load(file("task-1"));
  expect(metadata).toMatchObject({ format: "codyra features", version: "1", precision: "fp32" });
  const { codyra_sha256: _sum, ...others } = metadata;
  const copies = Array.from(tensors, ([name, tensor]) => [name, tensor.clone()] as const);
  safetensors.save(file("task-1"), copies, { ...others, precision: "bf16" }, { checksum: true });
  for (const [, copy] of copies) copy.dispose();
  expect(await learn(directory, "codyra", 3)).toBe(3 * 12 + 2 * 12);
  await learn(undisturbed, "codyra", 3);
  expect(readFiles(join(directory, "features"))).toEqual(readFiles(join(undisturbed, "features")));
  const matrix = (of: string) => readFileSync(join(of, "matrix.json"), "utf8");
  expect(matrix(directory)).toBe(matrix(undisturbed));
});

it("keeps as many as were allowed, and none where candidates never change", async () => {
  const [few, none, mtil] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
  const size = 12 * tinyClip().config.embedDim * 4 + 1; // of one file, without its header
  await learn(few, "codyra", 2, { testFeatures: size / 1e9 });
  expect(filesOf(few)).toEqual(["zero-shot/dataset-0.safetensors"]);
  expect(await learn(few, "codyra", 3, { testFeatures: size / 1e9 })).toBe(3 * 32 - 12);
  await learn(none, "codyra", 2, { testFeatures: 0 });
  await learn(mtil, "codyra", 2, { protocol: "mtil" });
  for (const directory of [none, mtil]) expect(existsSync(join(directory, "features"))).toBe(false);
  expect(readdirSync(none)).toContain("matrix.json");
});
