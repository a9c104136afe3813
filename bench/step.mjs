import { rm } from "node:fs/promises";
import { alternate } from "./lib/alternate.mjs";
import { checkBuild } from "./lib/builds.mjs";
import { isAvailable, missingPackages, startContender, titleOf } from "./lib/contenders.mjs";
import { checkLosses } from "./lib/losses.mjs";
import { models, training, writeAdapters, writeInputs, writeModel } from "./lib/model.mjs";
import { hasBfloat16, withoutBfloat16 } from "./lib/precision.mjs";
import { summarize } from "./lib/statistics.mjs";
import { compare, compareWithAim } from "./lib/table.mjs";
import { temporaryDirectory } from "./lib/temporary.mjs";

export const name = "step";
export const description =
  "one CLIP training step with rank-selective LoRA, against three ways to do it in Python";
export const defaults = {
  rounds: 8,
  warmUp: 2,
  threads: 2,
  model: "vit-b-16",
  rank: 16,
  device: "cpu",
  precision: undefined,
  only: undefined,
  against: undefined,
  seed: 0,
};

const float32 = "float32";
const bfloat16 = "bfloat16";

/**
 * Sizes of a step: images and prompts. Where two contenders together need too much memory, each runs alone.
 */
const sizes = {
  "16x100": { images: 16, prompts: 100 },
  "16x397": { images: 16, prompts: 397, alone: true },
  "64x100": { images: 64, prompts: 100, alone: true, rounds: 3, warmUp: 1 },
};

/** The formulation (a) is in float32 always; the others have codyra's precision. */
const tables = {
  cpu: [
    { size: "16x100", precision: float32, peer: "before", limit: 1.02 },
    { size: "16x100", precision: bfloat16, peer: "before", limit: 1.02 },
    { size: "16x100", precision: float32, peer: "plain", limit: 0.33 },
    { size: "16x100", precision: float32, peer: "fast", limit: 1 },
    { size: "16x100", precision: float32, peer: "peft", limit: 0.42, measure: "memory" },
    { size: "16x100", precision: bfloat16, peer: "plain", limit: 0.15 },
    { size: "16x100", precision: bfloat16, peer: "fast", limit: 1 },
    { size: "16x397", precision: float32, peer: "peft", padding: "max_length", limit: 0.25 },
    { size: "16x397", precision: float32, peer: "peft" },
    { size: "16x397", precision: float32, peer: "fast", limit: 1 },
    { size: "64x100", precision: float32, peer: "plain", limit: 0.65 },
    { size: "64x100", precision: float32, peer: "fast", limit: 1 },
    { size: "64x100", precision: bfloat16, peer: "plain", limit: 0.32 },
    { size: "64x100", precision: bfloat16, peer: "fast", limit: 1 },
  ],
  cuda: [
    { size: "64x100", precision: bfloat16, aim: 0.025 },
    { size: "64x100", precision: bfloat16, peer: "plain", limit: 0.2 },
    { size: "64x100", precision: bfloat16, peer: "peft", limit: 0.5 },
    { size: "64x100", precision: bfloat16, peer: "fast", limit: 1 },
    { size: "64x100", precision: float32, peer: "plain" },
    { size: "64x100", precision: float32, peer: "fast", limit: 1 },
    { size: "16x397", precision: float32, peer: "peft" },
    { size: "16x100", precision: bfloat16, peer: "peft", measure: "memory" },
  ],
};

/**
 * @returns rows with the time per step in seconds, or its peak memory in GiB; the losses of every contender;
 * why rows are missing. Where losses differ the contenders do not compute the same thing, and there is no row
 */
export async function run(config, report) {
  if (config.against !== undefined) checkBuild(config.against);
  const { notes, rows: chosen } = chooseRows(config);
  if (chosen.length === 0) return { rows: [], notes };
  const directory = await temporaryDirectory();
  try {
    report("drawing weights and inputs");
    const model = models[config.model];
    await writeModel(directory, { config: model, seed: config.seed });
    writeAdapters(directory, "adapters.safetensors", { config: model, ...config });
    const rows = [];
    const measured = [];
    const failures = [];
    for (const row of chosen) {
      try {
        const results = await measure(row, { ...config, directory, report });
        measured.push({ what: describe(row), ...results });
        notes.push(...checkLosses(row, codyraOf(row), peerOf(row), results));
        rows.push(toRow(row, results));
      } catch (error) {
        failures.push(`${describe(row)}: ${error.message}`);
        report(failures.at(-1));
      }
    }
    return { rows, measured, notes, failures };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function chooseRows({ device, precision, only, against, model }) {
  const notes = [];
  const all = tables[device].filter((row) => {
    if (row.peer === "before" && against === undefined) return false;
    if (precision !== undefined && row.precision !== precision) return false;
    return only === undefined || describe(row).includes(only);
  });
  if (all.length === 0) {
    throw new Error(
      `step: expected rows to measure, got none. Choose with --only from:\n${tables[device].map(describe).join("\n")}`,
    );
  }
  const packaged = all.filter(({ peer }) => peer === undefined || isAvailable(peer));
  if (packaged.length < all.length) notes.push(missingPackages);
  const rows = packaged.filter((row) => row.precision === float32 || hasBfloat16(device));
  if (rows.length < packaged.length) notes.push(withoutBfloat16);
  if (model !== "vit-b-16") notes.push(`The limits are meant for vit-b-16, this is ${model}.`);
  return { rows, notes };
}

const describe = ({ size, precision, peer = "aim", measure = "time", padding = "" }) =>
  `${size} ${precision} ${measure} ${peer} ${padding}`.trim();

const codyraOf = ({ precision }) => `codyra ${precision}`;
const peerOf = ({ peer, precision }) => peer && `${peer} ${peer === "plain" ? float32 : precision}`;

/** Measures codyra and the peer of a row. @returns times, losses and peak memory by contender */
async function measure(row, config) {
  const { size, padding = "longest" } = row;
  const { images, prompts, alone = false, ...own } = sizes[size];
  const inputs = `${size}.safetensors`;
  writeInputs(config.directory, inputs, { images, prompts, seed: config.seed });
  const rounds = Math.min(own.rounds ?? config.rounds, config.rounds);
  const settings = { ...config, ...own, rounds, size, inputs, padding };
  const names = [codyraOf(row), peerOf(row)].filter(Boolean);
  if (!alone) return measureInTurns(names, settings);
  const results = {};
  for (const one of names) Object.assign(results, await measureInTurns([one], settings));
  return results;
}

async function measureInTurns(
  names,
  { directory, report, threads, against, device, inputs, size, ...config },
) {
  const started = {};
  try {
    const losses = {};
    for (const one of names) {
      const [kind, precision] = one.split(" ");
      started[one] = await startContender(kind, { threads, against });
      const { rank, padding } = config;
      const settings = {
        directory,
        inputs,
        adapters: "adapters.safetensors",
        device,
        precision,
        rank,
        padding,
      };
      await started[one].request("load", { ...settings, ...training });
      await started[one].request("reset_peak");
      losses[one] = [];
    }
    const contenders = names.map((one) => [
      one,
      async () => {
        const { seconds, loss } = await started[one].request("step");
        losses[one].push(loss);
        report(
          `${size}, ${one}: step ${losses[one].length} in ${seconds.toFixed(2)} s, loss ${loss.toFixed(5)}`,
        );
        return seconds;
      },
    ]);
    const times = await alternate(Object.fromEntries(contenders), config);
    const results = {};
    for (const one of names) {
      const peakBytes = await started[one].request("peak_bytes", { device });
      results[one] = { times: times[one], losses: losses[one], peakBytes, versions: started[one].versions };
    }
    return results;
  } finally {
    await Promise.all(Object.values(started).map((process) => process.stop()));
  }
}

function toRow(row, measured) {
  const { size, precision, peer, limit, aim, padding } = row;
  const what = `${size} ${precision}`;
  const codyra = measured[codyraOf(row)];
  if (aim !== undefined) return compareWithAim(what, "s", codyra.times, aim);
  const other = measured[peerOf(row)];
  const title = padding === undefined ? titleOf(peer) : `${titleOf(peer)}, 77 tokens`;
  if (row.measure !== "memory")
    return compare(what, "s", codyra.times, { name: title, ...other.times }, limit);
  const gibibytes = ({ peakBytes }) => summarize([peakBytes / 2 ** 30]);
  return compare(
    `${what}, peak memory`,
    "GiB",
    gibibytes(codyra),
    { name: title, ...gibibytes(other) },
    limit,
  );
}
