import { rm } from "node:fs/promises";
import { alternate } from "./lib/alternate.mjs";
import { isAvailable, missingPackages, startContender, titleOf } from "./lib/contenders.mjs";
import { models, writeInputs, writeModel } from "./lib/model.mjs";
import { hasBfloat16, withoutBfloat16 } from "./lib/precision.mjs";
import { compare, compareWithAim } from "./lib/table.mjs";
import { temporaryDirectory } from "./lib/temporary.mjs";

export const name = "eval";
export const description = "classifying images in memory, against transformers in inference mode";
export const defaults = {
  rounds: 5,
  warmUp: 1,
  threads: 2,
  model: "vit-b-16",
  testImages: 64,
  batchSize: 32,
  prompts: 100,
  device: "cpu",
  precision: undefined,
  seed: 0,
};

const limit = 1 / 1.05; // 1.05 times the images per second
const aims = { cuda: { bfloat16: 1 / 12_000 } }; // seconds per image
const tolerances = { float32: 1e-4, bfloat16: 0.1 };

/**
 * @returns rows with the time per image in milliseconds
 * @throws if the contenders' logits differ
 */
export async function run(config, report) {
  const { device, precision, model, seed } = config;
  if (!isAvailable("huggingFace")) return { rows: [], notes: [missingPackages] };
  const wanted = precision === undefined ? ["float32", "bfloat16"] : [precision];
  const precisions = wanted.filter((one) => one === "float32" || hasBfloat16(device));
  const notes = precisions.length < wanted.length ? [withoutBfloat16] : [];
  const size = device === "cpu" ? {} : { testImages: 4096, batchSize: 256 };
  const directory = await temporaryDirectory();
  try {
    report("drawing weights and inputs");
    await writeModel(directory, { config: models[model], seed });
    writeInputs(directory, "inputs.safetensors", { images: 1, ...config, ...size });
    const rows = [];
    const peakBytes = {};
    for (const one of precisions) {
      const measured = await measure(one, { ...config, ...size, directory, report });
      rows.push(...measured.rows);
      notes.push(...measured.notes);
      peakBytes[one] = measured.peakBytes;
    }
    return { rows, peakBytes, notes };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(precision, { directory, report, device, threads, testImages, batchSize, ...config }) {
  const started = {};
  const logits = {};
  try {
    for (const kind of ["codyra", "huggingFace"]) {
      started[kind] = await startContender(kind, { threads });
      await started[kind].request("load", {
        directory,
        inputs: "inputs.safetensors",
        adapters: null,
        device,
        precision,
      });
      await started[kind].request("encode_texts");
    }
    const contender = (kind) => async () => {
      const { seconds, logits: mean } = await started[kind].request("evaluate", { batch_size: batchSize });
      logits[kind] = mean;
      report(`${precision}, ${kind}: ${(testImages / seconds).toFixed(1)} images/s`);
      return (1000 * seconds) / testImages;
    };
    const contenders = { codyra: contender("codyra"), huggingFace: contender("huggingFace") };
    const { codyra, huggingFace } = await alternate(contenders, config);
    const difference = checkLogits(logits, tolerances[precision]);
    const peakBytes = {};
    for (const [kind, { request }] of Object.entries(started)) {
      peakBytes[kind] = await request("peak_bytes", { device });
    }
    const rate = ({ median }) => (1000 / median).toFixed(1);
    const peer = { name: titleOf("huggingFace"), ...huggingFace };
    const rows = [compare(`one image, ${precision}`, "ms", codyra, peer, limit)];
    const aim = aims[device]?.[precision];
    if (aim !== undefined) rows.push(compareWithAim(`one image, ${precision}`, "ms", codyra, 1000 * aim));
    return {
      rows,
      peakBytes,
      notes: [
        `${precision}: ${rate(codyra)} images/s against ${rate(huggingFace)}; logits differ by ${difference.toExponential(1)} of their spread.`,
      ],
    };
  } finally {
    await Promise.all(Object.values(started).map((process) => process.stop()));
  }
}

/** How far the mean logits of all classes are apart, relative to how much they differ from class to class. */
function checkLogits({ codyra, huggingFace }, tolerance) {
  const average = huggingFace.reduce((sum, logit) => sum + logit, 0) / huggingFace.length;
  const spread = Math.hypot(...huggingFace.map((logit) => logit - average));
  const difference = Math.hypot(...codyra.map((logit, i) => logit - huggingFace[i])) / spread;
  if (difference <= tolerance) return difference;
  throw new Error(
    `eval: expected logits within ${tolerance} of those of transformers, relative to their spread over the classes, got ${difference}. ` +
      "The contenders do not compute the same, so their times are not compared.",
  );
}
