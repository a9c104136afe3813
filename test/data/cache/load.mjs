// node load.mjs CACHE COUNT [HANG] [PROCESSES]: loads generated images through a cache, and prints what it
// had to decode. From image HANG on they are never done. The first is done when this many processes have
// begun it.
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { data } from "../../../dist/index.js";

const [cache, count, hang = "Infinity", processes = "1"] = process.argv.slice(2);
const examples = Array.from({ length: Number(count) }, (_, value) => ({
  name: `${value}`,
  label: value,
  file: import.meta.filename,
  read: async () => Uint8Array.of(value),
}));
let decoded = 0;
const transform = {
  size: 4,
  key: "fill",
  async apply([value]) {
    if (value === 0) await everyProcess();
    if (value >= Number(hang)) await sleep(2 ** 31 - 1);
    decoded++;
    return { pixels: new Uint8Array(48).fill(value), width: value + 10, height: 10 };
  },
};

async function everyProcess() {
  const begun = `${cache}-begun`;
  mkdirSync(begun, { recursive: true });
  writeFileSync(join(begun, String(process.pid)), "");
  while (readdirSync(begun).length < Number(processes)) await sleep(5);
}

const images = await data.loadImages(examples, transform, {
  cache: new data.ImageCache(cache),
  onProgress: (done) => process.stdout.write(`${done}\n`),
});
const values = images.images.select(1, 0).flatten(1).amax([1]).toArray();
process.stdout.write(`${JSON.stringify({ decoded, values })}\n`);
