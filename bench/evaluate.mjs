import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { findPeerPython } from "../scripts/setup/peers.mjs";
import { alternate } from "./lib/alternate.mjs";
import { checkBuild } from "./lib/builds.mjs";
import { missingPackages, titleOf } from "./lib/contenders.mjs";
import { writePhotographs } from "./lib/evaluation-inputs.mjs";
import { models, writeModel } from "./lib/model.mjs";
import { hasBfloat16, withoutBfloat16 } from "./lib/precision.mjs";
import { summarize } from "./lib/statistics.mjs";
import { compare } from "./lib/table.mjs";
import { temporaryDirectory } from "./lib/temporary.mjs";

export const name = "evaluate";
export const description =
  "an evaluation as after a task, many classes and datasets, against another build and transformers";
export const defaults = {
  rounds: 3,
  warmUp: 0,
  threads: 2,
  model: "vit-b-16",
  imageFolder: "../shared/data/realmini",
  count: 5000,
  datasets: 10,
  classes: 1100,
  batchSize: 100,
  against: undefined,
  seed: 0,
};

const own = resolve(import.meta.dirname, "..");
const limits = { exact: 0.95, confirmed: 0.5, rounded: 0.5 };
const titles = {
  exact: "float32",
  confirmed: "bfloat16, close calls in float32",
  rounded: "bfloat16 alone",
};
const unconfirmed = new Set(["rounded", "roundedPeer"]); // bfloat16 alone
/** Rounding decides ties of images that look alike, more often where nothing is confirmed. */
const tolerance = (key, images) =>
  unconfirmed.has(key) ? Math.max(0.02, 4 / images) : Math.max(0.002, 2 / images);

/**
 * @returns rows with the seconds of an evaluation in a new process, by the clock and of processors, without
 * its start
 * @throws if the contenders find other accuracies
 */
export async function run(config, report) {
  const { against, seed, model, count, datasets } = config;
  if (against !== undefined) checkBuild(against);
  const directory = await temporaryDirectory();
  try {
    report("drawing weights, decoding photographs");
    await writeModel(directory, { config: models[model], seed });
    const images = Math.floor(count / datasets) * datasets;
    const inputs = join(directory, "inputs.safetensors");
    await writePhotographs(inputs, {
      ...config,
      directory,
      images,
      imageSize: models[model].vision.imageSize,
    });
    return await measure({ ...config, images, directory, inputs, report });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure({ rounds, warmUp, against, report, images, ...context }) {
  const found = {};
  const measured = (key, evaluate) => async () => {
    const one = await evaluate(context);
    found[key] = [...(found[key] ?? []), one];
    report(`${key}: ${one.seconds.toFixed(1)} s, ${one.cpuSeconds.toFixed(1)} s of processors`);
    return one.seconds;
  };
  const build = (path, mode) => (given) => evaluateByBuild({ ...given, build: path, mode });
  const modes = hasBfloat16("cpu") ? ["exact", "confirmed", "rounded"] : ["exact"];
  const contenders = [
    ...modes.map((mode) => [mode, build(own, mode)]),
    ["peer", build(against ?? own, "exact")],
    ...transformersIn(modes),
  ].map(([key, evaluate]) => [key, measured(key, evaluate)]);
  const clock = await alternate(Object.fromEntries(contenders), { rounds, warmUp });
  for (const key of Object.keys(found)) checkAccuracies(key, found, tolerance(key, images));
  const processor = (key) => summarize(found[key].slice(warmUp).map(({ cpuSeconds }) => cpuSeconds));
  const rows = (mode, peer, name, limit) => [
    compare(titles[mode], "s", clock[mode], { name, ...clock[peer] }, limit),
    compare(`${titles[mode]}, processor time`, "s", processor(mode), { name, ...processor(peer) }, limit),
  ];
  const name = against === undefined ? "this build, float32" : "the other build, float32";
  const hasTransformers = found.exactPeer !== undefined;
  return {
    rows: [
      ...modes.flatMap((mode) => rows(mode, "peer", name, limits[mode])),
      ...(hasTransformers ? rows("exact", "exactPeer", `${titleOf("huggingFace")}, float32`) : []),
      ...(found.roundedPeer ? rows("rounded", "roundedPeer", `${titleOf("huggingFace")}, bfloat16`) : []),
    ],
    notes: [
      ...(modes.includes("confirmed") ? changes(found) : [withoutBfloat16]),
      ...(hasTransformers ? [] : [missingPackages]),
    ],
  };
}

/** transformers in float32, and in bfloat16 where the processor has instructions for it. */
function transformersIn(modes) {
  const interpreter = findPeerPython();
  if (interpreter === undefined) return [];
  const evaluate = (precision) => (given) => evaluateByTransformers({ ...given, interpreter, precision });
  const exact = ["exactPeer", evaluate("float32")];
  return modes.includes("rounded") ? [exact, ["roundedPeer", evaluate("bfloat16")]] : [exact];
}

/** Notes on how many images are of another class than in float32. */
function changes({ exact, confirmed, rounded, roundedPeer }) {
  const [{ predicted }] = exact;
  const changed = ([other]) => other.predicted.filter((column, i) => column !== predicted[i]).length;
  const { images, confirmed: count, changed: corrected } = confirmed.at(-1).closeCalls;
  const peers = roundedPeer ? `, and ${changed(roundedPeer)} in transformers` : "";
  return [
    `${count} of ${images} images were close calls; ${corrected} of them changed class.`,
    `In bfloat16 alone, ${changed(rounded)} of ${images} images have another class than in float32${peers}.`,
  ];
}

function evaluateByBuild({ directory, ...settings }) {
  const script = join(import.meta.dirname, "contenders/evaluation.mjs");
  return evaluateOnce(process.execPath, script, { ...settings, model: directory });
}

function evaluateByTransformers({ interpreter, directory, ...settings }) {
  const script = join(import.meta.dirname, "peers/evaluation.py");
  return evaluateOnce(interpreter, script, { ...settings, model: directory });
}

async function evaluateOnce(program, script, settings) {
  const env = { ...process.env, OMP_NUM_THREADS: String(settings.threads), HF_HUB_OFFLINE: "1" };
  const { stdout } = await promisify(execFile)(program, [script, JSON.stringify(settings)], {
    env,
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(stdout);
}

function checkAccuracies(key, found, tolerated) {
  const expected = found.peer[0].accuracies;
  const [{ accuracies }] = found[key];
  const apart =
    accuracies.reduce((sum, value, i) => sum + Math.abs(value - expected[i]), 0) / expected.length;
  if (apart <= tolerated) return;
  throw new Error(
    `evaluate: expected accuracies within ${tolerated} of ${expected.join(", ")} on average, got ${accuracies.join(", ")} (${key}). ` +
      "The contenders do not compute the same, so their times are not compared.",
  );
}
