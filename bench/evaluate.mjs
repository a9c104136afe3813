import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { alternate } from "./lib/alternate.mjs";
import { checkBuild } from "./lib/builds.mjs";
import { models, writeModel } from "./lib/model.mjs";
import { hasBfloat16, withoutBfloat16 } from "./lib/precision.mjs";
import { summarize } from "./lib/statistics.mjs";
import { compare } from "./lib/table.mjs";
import { temporaryDirectory } from "./lib/temporary.mjs";

export const name = "evaluate";
export const description = "an evaluation as after a task, many classes and datasets, against another build";
export const defaults = {
  rounds: 3,
  warmUp: 0,
  threads: 2,
  model: "vit-b-16",
  count: 5000,
  datasets: 10,
  classes: 1100,
  batchSize: 100,
  against: undefined,
  seed: 0,
};

const limits = { exact: 0.95, rounded: 0.5 };
const titles = { exact: "float32", rounded: "bfloat16, close calls in float32" };
const tolerance = (images) => Math.max(0.002, 2 / images); // rounding decides ties of images that look alike
const own = resolve(import.meta.dirname, "..");

/**
 * @returns rows with the seconds of an evaluation in a new process, by the clock and of processors, without
 * its start
 * @throws if the builds find other accuracies
 */
export async function run(config, report) {
  const { against, seed } = config;
  if (against !== undefined) checkBuild(against);
  const directory = await temporaryDirectory();
  try {
    report("drawing weights");
    await writeModel(directory, { config: models[config.model], seed });
    return await measure({ ...config, directory, report });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure({ rounds, warmUp, against, report, ...context }) {
  const found = {};
  const contender = (key, build, isRounded) => async () => {
    const one = await evaluateOnce({ ...context, build, isRounded });
    found[key] = [...(found[key] ?? []), one];
    report(`${key}: ${one.seconds.toFixed(1)} s, ${one.cpuSeconds.toFixed(1)} s of processors`);
    return one.seconds;
  };
  const keys = hasBfloat16("cpu") ? ["exact", "rounded"] : ["exact"];
  const contenders = keys.map((key) => [key, contender(key, own, key === "rounded")]);
  contenders.push(["peer", contender("peer", against ?? own, false)]);
  const clock = await alternate(Object.fromEntries(contenders), { rounds, warmUp });
  checkAccuracies(found, tolerance(context.count));
  const processor = (key) => summarize(found[key].slice(warmUp).map(({ cpuSeconds }) => cpuSeconds));
  const name = against === undefined ? "this build, float32" : "the other build, float32";
  const { images, confirmed, changed } = found.rounded?.at(-1).closeCalls ?? {};
  return {
    rows: keys.flatMap((key) => [
      compare(titles[key], "s", clock[key], { name, ...clock.peer }, limits[key]),
      compare(
        `${titles[key]}, processor time`,
        "s",
        processor(key),
        { name, ...processor("peer") },
        limits[key],
      ),
    ]),
    notes: keys.includes("rounded")
      ? [`${confirmed} of ${images} images were close calls; ${changed} of them changed class.`]
      : [withoutBfloat16],
  };
}

async function evaluateOnce({ directory, model, count, ...settings }) {
  const { imageSize } = models[model].vision;
  const given = JSON.stringify({ ...settings, model: directory, images: count, imageSize });
  const script = join(import.meta.dirname, "contenders/evaluation.mjs");
  const env = { ...process.env, OMP_NUM_THREADS: String(settings.threads) };
  const { stdout } = await promisify(execFile)(process.execPath, [script, given], { env });
  return JSON.parse(stdout);
}

function checkAccuracies(found, tolerated) {
  const expected = found.peer[0].accuracies;
  for (const [key, [{ accuracies }]] of Object.entries(found)) {
    const apart =
      accuracies.reduce((sum, value, i) => sum + Math.abs(value - expected[i]), 0) / expected.length;
    if (apart <= tolerated) continue;
    throw new Error(
      `evaluate: expected accuracies within ${tolerated} of ${expected.join(", ")} on average, got ${accuracies.join(", ")} (${key}). ` +
        "The contenders do not compute the same, so their times are not compared.",
    );
  }
}
