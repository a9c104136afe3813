import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { findPeerPython } from "../scripts/setup/peers.mjs";
import { alternate } from "./lib/alternate.mjs";
import { classNames } from "./lib/class-names.mjs";
import { missingPackages } from "./lib/contenders.mjs";
import { findJpegs, upscale } from "./lib/jpegs.mjs";
import { models, writeModel } from "./lib/model.mjs";
import { hasBfloat16, withoutBfloat16 } from "./lib/precision.mjs";
import { imageFlops, productRate } from "./lib/roofline.mjs";
import { summarize } from "./lib/statistics.mjs";
import { compare } from "./lib/table.mjs";
import { temporaryDirectory } from "./lib/temporary.mjs";
import { timeCommand } from "./lib/time-command.mjs";

export const name = "classify";
export const description =
  "`codyra classify` from its start to its end, against the pipeline of transformers";
export const defaults = {
  rounds: 3,
  warmUp: 1,
  threads: 2,
  model: "vit-b-16",
  imageFolder: "../shared/data/realmini",
  count: 2000,
  upscaledTo: 500,
  labels: 10,
  seed: 0,
};

const limits = { start: 0.15, folder: 0.45 };
const template = "a photo of a {}.";
const differenceLimit = 0.01; // of probabilities, on average: resized pixels differ by a level
/** Settings of the pipeline that are compared on a part of the images; the fastest is measured. */
const candidates = [
  { batchSize: 1, workers: 0 },
  { batchSize: 8, workers: 0 },
  { batchSize: 8, workers: 1 },
  { batchSize: 32, workers: 0 },
  { batchSize: 32, workers: 1 },
];

const inBfloat16 = ["--precision", "bf16", "--confirm"];

/**
 * @returns rows with the seconds, by the clock and of processors, of one photograph and of a folder; each
 * process starts anew
 * @throws if the contenders' probabilities differ
 */
export async function run(config, report) {
  const interpreter = findPeerPython();
  if (interpreter === undefined) return { rows: [], notes: [missingPackages] };
  const directory = await temporaryDirectory();
  try {
    report("drawing weights");
    const model = join(directory, "model");
    await writeModel(model, { config: models[config.model], seed: config.seed });
    const labels = join(directory, "labels.txt");
    await writeFile(labels, classNames(config.labels).join("\n"));
    report(`upscaling ${config.count} images to ${config.upscaledTo} pixels`);
    const folder = join(directory, "images");
    const originals = await findJpegs(resolve(import.meta.dirname, "..", config.imageFolder), config.count);
    const images = await upscale(originals, config.upscaledTo, folder);
    const context = { ...config, interpreter, model, labels, report };
    const best = await choose(join(directory, "part"), images, context);
    const one = await measure("first answer of a new process", [images[0]], limits.start, {}, context);
    const what = `${images.length} JPEGs`;
    const all = await measure(what, [folder], limits.folder, best, context);
    const half = hasBfloat16("cpu")
      ? await measure(
          `${what}, bf16 with --confirm`,
          [folder],
          undefined,
          { ...best, flags: inBfloat16 },
          context,
        )
      : { rows: [], notes: [withoutBfloat16] };
    return {
      rows: [...one.rows, ...all.rows, ...half.rows],
      notes: [
        `The pipeline at its best: batch_size ${best.batchSize}, num_workers ${best.workers}.`,
        ...[one, all, half].flatMap(({ notes }) => notes),
        ...roofline(images.length, config, all),
      ],
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Notes on the time of the image encoder's products, at the speed of this machine's large products. */
function roofline(count, { model }, { own, peers }) {
  const flops = imageFlops(models[model]);
  const rates = ["float32", ...(hasBfloat16("cpu") ? ["bfloat16"] : [])].map((dtype) => [
    dtype,
    productRate(dtype),
  ]);
  return rates.map(([dtype, rate]) => {
    const seconds = (count * flops) / (rate * 1e9);
    return (
      `Products of the image encoder in ${dtype}: ${(flops / 1e9).toFixed(1)} GFLOP an image, at ${rate.toFixed(0)} GFLOP/s a core ` +
      `${seconds.toFixed(2)} s of processors for ${count}; that is ${(seconds / peers.median).toFixed(2)} of the pipeline's processor time` +
      `${dtype === "float32" ? `, and ${(seconds / own.median).toFixed(2)} of codyra's` : ""}.`
    );
  });
}

/** The fastest of the candidates on some of the images. */
async function choose(part, images, { report, ...context }) {
  await mkdir(part);
  for (const [i, image] of images.slice(0, 64).entries()) await symlink(image, join(part, `${i}.jpg`));
  const timed = [];
  for (const candidate of candidates) {
    const { seconds } = await runPipeline([part], candidate, context);
    report(
      `pipeline, batch_size ${candidate.batchSize}, num_workers ${candidate.workers}: ${seconds.toFixed(1)} s`,
    );
    timed.push({ seconds, candidate });
  }
  return timed.reduce((a, b) => (b.seconds < a.seconds ? b : a)).candidate;
}

/** Both in turns, by the clock and in processor time. */
async function measure(what, places, limit, settings, { report, rounds, warmUp, ...context }) {
  const answers = {};
  let said = "";
  const cpu = { codyra: [], pipeline: [] };
  const contender = (kind, run) => async () => {
    const { seconds, cpuSeconds, stdout, stderr } = await run(places, settings, context);
    if (kind === "codyra" && settings.flags) said = stderr;
    answers[kind] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    cpu[kind].push(cpuSeconds);
    report(`${what}, ${kind}: ${seconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} s of processors`);
    return seconds;
  };
  const contenders = { codyra: contender("codyra", runCodyra), pipeline: contender("pipeline", runPipeline) };
  const { codyra, pipeline } = await alternate(contenders, { rounds, warmUp });
  const difference = compareAnswers(answers);
  const [own, peers] = [cpu.codyra, cpu.pipeline].map((samples) => summarize(samples.slice(warmUp)));
  const name = "transformers' pipeline";
  return {
    rows: [
      compare(what, "s", codyra, { name, ...pipeline }, limit),
      compare(`${what}, processor time`, "s", own, { name, ...peers }),
    ],
    notes: [`${what}: probabilities differ by ${difference.toExponential(1)} on average. ${said}`.trim()],
    own,
    peers,
  };
}

async function runCodyra(places, { flags: more = [] }, { model, labels, threads }) {
  const main = resolve(import.meta.dirname, "../dist/bin/codyra.js");
  const flags = [
    "--model",
    model,
    "--labels-file",
    labels,
    "--template",
    template,
    "--top",
    "1000",
    "--json-lines",
    ...more,
  ];
  const result = await timeCommand(
    process.execPath,
    [main, "classify", ...flags, ...places],
    environment(threads),
  );
  return { ...result, stdout: result.stdout.replaceAll(/^.*$/gm, toScores) };
}

/** A line of ours in the form of the peer's. */
function toScores(line) {
  if (line === "") return line;
  const { predictions } = JSON.parse(line);
  return JSON.stringify(
    Object.fromEntries(predictions.map(({ label, probability }) => [label, probability])),
  );
}

function runPipeline(places, { batchSize = 1, workers = 0 }, { interpreter, model, labels, threads }) {
  const script = resolve(import.meta.dirname, "peers/classify.py");
  const args = [script, model, labels, template, `${batchSize}`, `${workers}`, ...places];
  return timeCommand(interpreter, args, { ...environment(threads), HF_HUB_OFFLINE: "1" });
}

const environment = (threads) => ({ OMP_NUM_THREADS: String(threads) });

/** Mean absolute difference of the probabilities of all images and labels. */
function compareAnswers({ codyra, pipeline }) {
  const differences = pipeline.flatMap((scores, image) =>
    Object.entries(scores).map(([label, score]) => Math.abs(score - codyra[image][label])),
  );
  const mean = differences.reduce((sum, difference) => sum + difference, 0) / differences.length;
  if (codyra.length === pipeline.length && mean <= differenceLimit) return mean;
  throw new Error(
    `classify: expected the probabilities of ${pipeline.length} images to differ by at most ${differenceLimit} on average, ` +
      `got ${mean} for ${codyra.length}. The contenders do not compute the same, so their times are not compared.`,
  );
}
