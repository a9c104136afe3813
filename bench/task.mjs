import { titleOf } from "./lib/contenders.mjs";
import { measureStatRa } from "./lib/method-parts.mjs";
import { measurePhases, phases, taskDefaults } from "./lib/phases.mjs";
import { summarize } from "./lib/statistics.mjs";
import { compare, compareWithAim } from "./lib/table.mjs";

export const name = "task";
export const description = "one task of 500 iterations: set-up, training, merging, evaluation";
export const defaults = { ...taskDefaults, method: "codyra" };

const fullIterations = 500;
const cudaAim = 15; // seconds for the whole task

/** @returns rows with the time of each phase and of the whole task, in seconds */
export async function run(config, report) {
  if (config.method === "statra") return measureStatRa(config, report);
  const settings = config.device === "cpu" ? config : { ...config, ...onCuda };
  const { iterations, testImages } = settings;
  const { available, results, notes } = await measurePhases(["codyra", "plain", "fast"], settings, report);
  const times = Object.fromEntries(available.map((kind) => [kind, extrapolate(results[kind], iterations)]));
  const rows = available
    .filter((kind) => kind !== "codyra")
    .flatMap((kind) =>
      [...phases, "whole task"].map((phase) =>
        compare(phase, "s", times.codyra[phase], { name: titleOf(kind), ...times[kind][phase] }),
      ),
    );
  if (config.device !== "cpu")
    rows.unshift(compareWithAim("whole task", "s", times.codyra["whole task"], cudaAim));
  notes.push(
    iterations < fullIterations
      ? `Training was measured over ${iterations} iterations, the first one included, and is given for ${fullIterations}: extrapolated.`
      : `Training was measured over all ${fullIterations} iterations.`,
    `Evaluation of ${testImages} images. codyra's iterations draw and crop new images, the others' see one batch again and again.`,
  );
  return { rows, results, notes };
}

const onCuda = { images: 64, testImages: 1024, iterations: fullIterations };

/** Adds up what every round took, with training as long as that of a whole task. */
function extrapolate(result, iterations) {
  const samples = Object.fromEntries(phases.map((phase) => [phase, result[phase].seconds.samples]));
  samples.training = samples.training.map((seconds) => (seconds * fullIterations) / iterations);
  samples["whole task"] = samples.setup.map((_, round) =>
    phases.reduce((sum, phase) => sum + samples[phase][round], 0),
  );
  return Object.fromEntries(Object.entries(samples).map(([phase, values]) => [phase, summarize(values)]));
}
