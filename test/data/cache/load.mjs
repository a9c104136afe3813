// node load.mjs CACHE COUNT DELAY: loads generated images through a cache, each after a delay in ms, and prints what it had to decode.
import { data } from "../../../dist/index.js";

const [cache, count, delayMs] = process.argv.slice(2);
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
    await new Promise((done) => setTimeout(done, Number(delayMs)));
    decoded++;
    return { pixels: new Uint8Array(48).fill(value), width: value + 10, height: 10 };
  },
};
const images = await data.loadImages(examples, transform, {
  cache: new data.ImageCache(cache),
  onProgress: (done) => process.stdout.write(`${done}\n`),
});
const values = images.images.select(1, 0).flatten(1).amax([1]).toArray();
process.stdout.write(`${JSON.stringify({ decoded, values })}\n`);
