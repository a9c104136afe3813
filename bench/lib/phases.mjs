import { rm } from "node:fs/promises";
import { isAvailable, missingPackages, startContender } from "./contenders.mjs";
import { models, training, writeAdapters, writeInputs, writeModel } from "./model.mjs";
import { startCodyra } from "./peer.mjs";
import { defaultPrecision } from "./precision.mjs";
import { summarize } from "./statistics.mjs";
import { temporaryDirectory } from "./temporary.mjs";

/** The phases of one task, in order. */
export const phases = ["setup", "training", "merge", "evaluation"];

export const taskDefaults = {
  rounds: 1,
  threads: 2,
  model: "vit-b-16",
  rank: 16,
  images: 16,
  prompts: 100,
  testImages: 64,
  iterations: 3,
  padding: "longest",
  device: "cpu",
  precision: undefined,
  seed: 0,
};

/**
 * Runs one task in every contender, each alone in a fresh process. codyra does it as a run does; the others
 * repeat one batch.
 * @param kinds see `contenders.mjs`
 * @returns by contender and phase, summaries of seconds and of peak bytes
 */
export async function measurePhases(kinds, config, report) {
  const directory = await temporaryDirectory();
  const available = kinds.filter(isAvailable);
  try {
    report("drawing weights and inputs");
    const model = models[config.model];
    await writeModel(directory, { config: model, seed: config.seed });
    writeAdapters(directory, "adapters.safetensors", { ...config, config: model });
    writeInputs(directory, "inputs.safetensors", config);
    const results = {};
    for (const kind of available) {
      const runs = [];
      for (let round = 0; round < config.rounds; round++) {
        const result = await measureOnce(kind, { ...config, directory });
        report(
          `${kind}: ${phases.map((phase) => `${phase} ${result[phase].seconds.toFixed(2)} s`).join(", ")}`,
        );
        runs.push(result);
      }
      results[kind] = Object.fromEntries(phases.map((phase) => [phase, summarizePhase(runs, phase)]));
    }
    return { available, results, notes: available.length < kinds.length ? [missingPackages] : [] };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureOnce(kind, config) {
  const { threads, device, iterations, images } = config;
  const isCodyra = kind === "codyra";
  const process = isCodyra
    ? await startCodyra("task.mjs", { threads })
    : await startContender(kind, { threads });
  const { request } = process;
  const result = {};
  const phase = async (name, body) => {
    await request("reset_peak");
    const seconds = await body();
    result[name] = { seconds, peakBytes: await request("peak_bytes", { device }) };
  };
  const seconds = async (command, options) => (await request(command, options)).seconds;
  try {
    const { directory, rank, padding, prompts } = config;
    // The plain formulation is in float32 always.
    const precision = kind === "plain" ? "float32" : (config.precision ?? defaultPrecision(device));
    const files = { directory, inputs: "inputs.safetensors", adapters: "adapters.safetensors" };
    const settings = { ...files, device, precision, rank, padding, ...training };
    await phase("setup", () =>
      seconds("load", isCodyra ? { ...settings, iterations, images, prompts } : settings),
    );
    await phase("training", async () => {
      if (isCodyra) return seconds("train");
      let total = 0;
      for (let i = 0; i < iterations; i++) total += await seconds("step");
      return total;
    });
    await phase("merge", () => seconds("merge"));
    await phase("evaluation", async () => {
      const encoding = isCodyra ? 0 : await seconds("encode_texts");
      return encoding + (await seconds("evaluate", { batch_size: images }));
    });
    return result;
  } finally {
    await process.stop();
  }
}

function summarizePhase(runs, phase) {
  const of = (key) => summarize(runs.map((run) => run[phase][key]));
  return { seconds: of("seconds"), peakBytes: of("peakBytes") };
}
