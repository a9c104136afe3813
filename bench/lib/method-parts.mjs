import { rm } from "node:fs/promises";
import { writeWords } from "./class-names.mjs";
import { models, writeInputs, writeModel } from "./model.mjs";
import { startCodyra } from "./peer.mjs";
import { defaultPrecision } from "./precision.mjs";
import { summarize } from "./statistics.mjs";
import { compare } from "./table.mjs";
import { temporaryDirectory } from "./temporary.mjs";

/** A task of the paper's size. */
const full = { iterations: 500, imageIterations: 250, batchSize: 64, classes: 100, shots: 16, crops: 4 };
const surrogates = 384;
const earlier = 200; // classes learned before, of which statra takes 64 in an iteration
const wordCount = 1000; // of which statra takes 32 in an iteration
const limits = { float32: { text: 0.2, image: 0.75 }, bfloat16: { text: 0.15, image: 0.75 } };

/**
 * Compares one task of StatRA with one of CoDyRA, part by part. A few iterations of each phase and a few
 * images are measured. They are multiplied to 100 classes with 16 images, 500 iterations of 64, and 250 of
 * the image encoder.
 */
export async function measureStatRa(config, report) {
  const { device, rank, seed } = config;
  const precision = config.precision ?? defaultPrecision(device);
  const directory = await temporaryDirectory();
  try {
    report("drawing weights and inputs");
    await writeModel(directory, { config: models[config.model], seed });
    writeInputs(directory, "inputs.safetensors", { ...config, images: full.batchSize });
    const words = await writeWords(directory, { classes: full.classes + earlier, count: wordCount });
    const files = {
      directory,
      inputs: "inputs.safetensors",
      device,
      precision,
      prompts: full.classes,
      earlier,
    };
    const iterations = Math.max(config.iterations, 2);
    const common = { rank, iterations, batchSize: full.batchSize };
    const samples = { codyra: [], text: [], image: [], encodingShare: [] };
    for (let round = 0; round < config.rounds; round++) {
      const codyra = await parts("codyra", [iterations], { ...files, options: common }, config);
      const statra = await parts(
        "statra",
        [iterations, iterations],
        { ...files, options: { ...common, imageIterations: iterations, crops: 1, words } },
        config,
      );
      const median = (values) => summarize(values).median;
      const perImage = median(statra.encoding);
      const images = full.classes * full.shots;
      const [text, image] = statra.iterations.map(median);
      const encoded = full.crops * images * perImage;
      samples.codyra.push(full.iterations * median(codyra.iterations[0]));
      samples.text.push(encoded + full.iterations * text);
      samples.image.push(full.imageIterations * image + 2 * (surrogates + images) * perImage);
      samples.encodingShare.push(encoded / samples.text.at(-1));
      report(
        `codyra ${samples.codyra.at(-1).toFixed(0)} s, text ${samples.text.at(-1).toFixed(0)} s, image ${samples.image.at(-1).toFixed(0)} s`,
      );
    }
    const peer = { name: "codyra's training", ...summarize(samples.codyra) };
    const limit = limits[precision];
    return {
      rows: [
        compare("statra, phase 1 with crops encoded", "s", summarize(samples.text), peer, limit.text),
        compare("statra, phase 2 with surrogates", "s", summarize(samples.image), peer, limit.image),
      ],
      results: samples,
      notes: [
        `The column codyra is statra's time. ${iterations} iterations of each phase were measured, without the first, and multiplied: ${full.iterations} of ${full.batchSize} images ` +
          `with ${full.classes} classes, ${full.imageIterations} of the image encoder; ${full.crops} crops of ${full.classes * full.shots} images; ${earlier} earlier classes, ${wordCount} generic words.`,
        `Encoding crops is ${Math.round(100 * summarize(samples.encodingShare).median)} % of phase 1.`,
      ],
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function parts(method, phases, settings, { threads }) {
  const { request, stop } = await startCodyra("method-parts.mjs", { threads });
  try {
    await request("load", { ...settings, method });
    return await request("measure", { phases });
  } finally {
    await stop();
  }
}
