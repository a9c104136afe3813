import { rm } from "node:fs/promises";
import { join } from "node:path";
import { alternate } from "./lib/alternate.mjs";
import { startContender, titleOf } from "./lib/contenders.mjs";
import { models, training, writeAdapters, writeInputs, writeModel } from "./lib/model.mjs";
import { defaultPrecision } from "./lib/precision.mjs";
import { compare } from "./lib/table.mjs";
import { temporaryDirectory } from "./lib/temporary.mjs";

export const name = "scaling";
export const description = "time per step against rank, classes, batch and depth, on a small model";
export const defaults = {
  rounds: 3,
  warmUp: 1,
  threads: 2,
  model: "small",
  device: "cpu",
  precision: undefined,
  seed: 0,
};

/** One of these changes, the others stay as they are here. */
const point = { rank: 16, prompts: 30, images: 8, layers: 4 };
const sweeps = {
  rank: [4, 8, 16, 32, 64],
  prompts: [10, 30, 100, 300, 1000],
  images: [4, 8, 16, 32, 64],
  layers: [1, 2, 4, 8, 12],
};

/** @returns rows with the time per step in seconds, and the points of each curve */
export async function run(config, report) {
  const directory = await temporaryDirectory();
  const rows = [];
  const curves = {};
  try {
    for (const [variable, values] of Object.entries(sweeps)) {
      curves[variable] = [];
      for (const value of values) {
        const what = `${variable} ${value}`;
        const place = join(directory, what);
        const { codyra, fast } = await measure(
          { ...point, [variable]: value },
          { ...config, directory: place },
        );
        await rm(place, { recursive: true });
        report(`${what}: ${codyra.median.toFixed(3)} s against ${fast.median.toFixed(3)} s`);
        rows.push(compare(what, "s", codyra, { name: titleOf("fast"), ...fast }));
        curves[variable].push({ value, codyra: codyra.median, fast: fast.median });
      }
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  const fixed = Object.entries(point).map(([key, value]) => `${key} ${value}`);
  return { rows, curves, notes: [`Where nothing else is said: ${fixed.join(", ")}.`] };
}

async function measure({ rank, prompts, images, layers }, { directory, threads, device, seed, ...config }) {
  const precision = config.precision ?? defaultPrecision(device);
  const base = models[config.model];
  const model = { ...base, text: { ...base.text, layers }, vision: { ...base.vision, layers } };
  await writeModel(directory, { config: model, seed });
  writeAdapters(directory, "adapters.safetensors", { config: model, rank, seed });
  writeInputs(directory, "inputs.safetensors", { images, prompts, seed });
  const files = { directory, inputs: "inputs.safetensors", adapters: "adapters.safetensors" };
  const started = {};
  try {
    for (const kind of ["codyra", "fast"]) {
      started[kind] = await startContender(kind, { threads });
      await started[kind].request("load", { ...files, device, precision, rank, ...training });
    }
    const step = (kind) => async () => (await started[kind].request("step")).seconds;
    return await alternate({ codyra: step("codyra"), fast: step("fast") }, config);
  } finally {
    await Promise.all(Object.values(started).map((process) => process.stop()));
  }
}
