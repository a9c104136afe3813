// node load-together.mjs CACHE COUNT [UNREADABLE]: one of the processes of a machine that load generated
// images together, twice. Prints what it had to decode, and what it got or why not.
import { data, experiment, torch } from "../../../dist/index.js";

const [directory, count, unreadable] = process.argv.slice(2);
const { distributed } = torch;
await distributed.init();
const examples = Array.from({ length: Number(count) }, (_, value) => ({
  name: `${value}`,
  label: value,
  file: import.meta.filename,
  read: async () => Uint8Array.of(value),
}));
let decoded = [];
const transform = {
  size: 4,
  key: "fill",
  async apply([value]) {
    if (value === Number(unreadable)) throw new Error("it is damaged");
    decoded.push(value);
    return { pixels: new Uint8Array(48).fill(value), width: value + 10, height: 10 };
  },
};
const results = [];
try {
  for (let time = 0; time < 2; time++) {
    decoded = [];
    const cache = new data.ImageCache(directory, experiment.ownMachine());
    const { images, fingerprint } = await data.loadImages(examples, transform, { cache });
    const values = images.select(1, 0).flatten(1).amax([1]).toArray();
    results.push({ decoded, values, fingerprint });
  }
  await distributed.close();
} catch (error) {
  distributed.leave(error);
  results.push({ message: error.message });
}
console.log(JSON.stringify(results));
