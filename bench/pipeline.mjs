import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { clip, data, torch } from "../dist/index.js";
import { findPeerPython } from "../scripts/setup/peers.mjs";
import { alternate } from "./lib/alternate.mjs";
import { findJpegs, upscale } from "./lib/jpegs.mjs";
import { startPeer } from "./lib/peer.mjs";
import { compare } from "./lib/table.mjs";

export const name = "pipeline";
export const description =
  "reading, decoding and resizing JPEGs, against Pillow in a DataLoader; and from the cache";
export const defaults = {
  rounds: 3,
  warmUp: 1,
  threads: 2,
  imageFolder: "../shared/data/realmini",
  count: 2000,
  upscaledTo: 500,
  batchSize: 64,
  epochs: 20,
};

const limits = { decoding: 0.67, secondEpoch: 0.1, growth: 0.05 };
const meanDifferenceLimit = 1 / 255;
const preprocessing = clip.Preprocessing.openai();
const { transform } = preprocessing;

/**
 * @returns two rows for images as they are, two for upscaled ones: seconds of decoding beside the peer's, and
 *   of reading the cache beside filling it
 * @throws if the contenders' pixels differ, or the memory grows from epoch to epoch
 */
export async function run(config, report) {
  const { threads, imageFolder, count, upscaledTo } = config;
  torch.setNumThreads(threads);
  const directory = await mkdtemp(join(tmpdir(), "codyra-bench-"));
  const peer = await startPeer("pipeline.py", { threads, interpreter: findPeerPython() });
  try {
    const original = await findJpegs(resolve(import.meta.dirname, "..", imageFolder), count);
    report(`upscaling ${count} images to ${upscaledTo} pixels`);
    const upscaled = await upscale(original, upscaledTo, join(directory, "upscaled"));
    const sets = { "as they are": original, [`upscaled to ${upscaledTo} pixels`]: upscaled };
    const results = [];
    for (const [what, files] of Object.entries(sets)) {
      results.push(await measure(what, files, { ...config, directory, peer, report }));
    }
    const memory = await measureMemory(original, { ...config, directory, report });
    return {
      peer: peer.versions,
      rows: results.flatMap(({ rows }) => rows),
      memory,
      notes: [...results.map(({ note }) => note), memory.note],
    };
  } finally {
    peer.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Decoding in turns with the peer; and loading into an empty cache in turns with loading from it. */
async function measure(what, files, { directory, peer, report, batchSize, threads, rounds, warmUp }) {
  const { size, mean, std } = preprocessing;
  const settings = { name: what, files, size, mean, std, batch_size: batchSize, workers: threads };
  await peer.request("prepare", settings);
  const difference = await compareBatch(what, files, { directory, peer, batchSize });

  const cache = new data.ImageCache(join(directory, "cache"));
  const delaysMs = [];
  const { codyra, pillow, first, second } = await alternate(
    {
      codyra: async () => {
        const delay = monitorEventLoopDelay({ resolution: 1 });
        delay.enable();
        const seconds = await decode(files, batchSize);
        delaysMs.push(delay.max / 1e6);
        report(`${what}: round ${delaysMs.length} of ${warmUp + rounds}`);
        return seconds;
      },
      pillow: async () => (await peer.request("epoch", { name: what })).seconds,
      first: async () => {
        await cache.clear();
        return load(files, cache);
      },
      second: () => load(files, cache),
    },
    { rounds, warmUp },
  );
  await cache.clear();

  const rate = (time) => `${Math.round(files.length / time.median)}`;
  return {
    rows: [
      compare(`decoding, ${what}`, "s", codyra, { name: "torchvision", ...pillow }, limits.decoding),
      compare(`second epoch, ${what}`, "s", second, { name: "first epoch", ...first }, limits.secondEpoch),
    ],
    note:
      `Images ${what}: ${rate(codyra)} images/s against ${rate(pillow)}; mean difference ${(255 * difference).toFixed(2)}/255; ` +
      `the event loop was never blocked longer than ${Math.max(...delaysMs.slice(warmUp)).toFixed(0)} ms.`,
  };
}

/** Reads, decodes, resizes and normalises all images. @returns seconds */
async function decode(files, batchSize) {
  const start = performance.now();
  for await (const { images } of data.loadBatches(toExamples(files), transform, { batchSize })) {
    preprocessing.normalise(images).dispose();
  }
  return secondsSince(start);
}

/** Loads all images through a cache. @returns seconds */
async function load(files, cache) {
  const start = performance.now();
  const images = await data.loadImages(toExamples(files), transform, { cache });
  images.dispose();
  return secondsSince(start);
}

/**
 * @returns mean absolute difference of the pixels of a batch from all over the images, of values from 0 to 1
 */
async function compareBatch(what, files, { directory, peer, batchSize }) {
  const path = join(directory, "batch.safetensors");
  const indices = Array.from({ length: batchSize }, (_, i) => Math.floor((i * files.length) / batchSize));
  await peer.request("save_batch", { name: what, indices, path });
  const examples = toExamples(indices.map((index) => files[index]));
  const images = await data.loadImages(examples, transform);
  const difference = torch.scope(() => {
    const expected = torch.safetensors.load(path).tensors.get("pixels");
    const std = torch.tensor(preprocessing.std).view([3, 1, 1]);
    return preprocessing.normalise(images.images).sub(expected).mul(std).abs().mean().item();
  });
  images.dispose();
  if (difference <= meanDifferenceLimit) return difference;
  throw new Error(
    `pipeline: expected pixels of images ${what} to differ from Pillow's by at most 1/255 on average, got ${255 * difference}/255. ` +
      "The contenders do not compute the same, so their times are not compared.",
  );
}

/**
 * Resident memory over epochs that go through all images, mapped from the cache, and decode a tenth of them
 * anew.
 */
async function measureMemory(files, { directory, report, batchSize, epochs }) {
  const cache = new data.ImageCache(join(directory, "cache"));
  const images = await data.loadImages(toExamples(files), transform, { cache });
  const residentBytes = [];
  for (let i = 0; i < epochs; i++) {
    for (const _ of data.evaluationBatches(images, { batchSize, preprocessing })) await setImmediate();
    await decode(files.slice(0, Math.ceil(files.length / 10)), batchSize);
    residentBytes.push(process.memoryUsage.rss());
    report(`memory: epoch ${i + 1} of ${epochs}`);
  }
  images.dispose();
  const [early, late] = [residentBytes[1], residentBytes.at(-1)];
  const mebibytes = (bytes) => `${Math.round(bytes / 2 ** 20)} MiB`;
  const note = `Resident memory after epoch 2 ${mebibytes(early)}, after epoch ${epochs} ${mebibytes(late)}.`;
  if (late > early * (1 + limits.growth)) {
    throw new Error(
      `pipeline: expected memory to grow by at most ${100 * limits.growth} %, got more. ${note}`,
    );
  }
  return { residentBytes, note };
}

function secondsSince(start) {
  return (performance.now() - start) / 1000;
}

function toExamples(files) {
  return files.map((file) => new data.FileExample("/", file.slice(1), 0));
}
