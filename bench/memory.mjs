import { titleOf } from "./lib/contenders.mjs";
import { measurePhases, phases, taskDefaults } from "./lib/phases.mjs";
import { summarize } from "./lib/statistics.mjs";
import { compare } from "./lib/table.mjs";

export const name = "memory";
export const description = "peak memory of every phase of a task, each contender in a fresh process";
export const defaults = taskDefaults;

const limits = { training: { peft: 0.6 } };

/** @returns rows with the peak memory of each phase in GiB: resident, or allocated on the GPU */
export async function run(config, report) {
  const kinds = ["codyra", "plain", "peft", "fast"];
  const { available, results, notes } = await measurePhases(kinds, config, report);
  const gibibytes = (kind, phase) =>
    summarize(results[kind][phase].peakBytes.samples.map((bytes) => bytes / 2 ** 30));
  const rows = phases.flatMap((phase) =>
    available
      .filter((kind) => kind !== "codyra")
      .map((kind) => {
        const peer = { name: titleOf(kind), ...gibibytes(kind, phase) };
        return compare(phase, "GiB", gibibytes("codyra", phase), peer, limits[phase]?.[kind]);
      }),
  );
  return { rows, results, notes };
}
