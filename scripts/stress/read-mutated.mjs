// `node read-mutated.mjs FOLDER SEED COUNT [FORMAT]` mutates files and reads them. It prints each attempt,
// one line of JSON before and one after it, and counts with its last one.
import { mkdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { basename, join } from "node:path";
import { formats, Wrong } from "./formats.mjs";
import { mutate } from "./mutate.mjs";
import { Random } from "./random.mjs";

const [folder, seed, count, only] = process.argv.slice(2);
const random = new Random(Number(seed));
const say = (line) => writeSync(1, `${JSON.stringify(line)}\n`);

const chosen = Object.entries(formats).filter(([name]) => only === undefined || name === only);
const originals = new Map();
for (const [name, { file, make }] of chosen) {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  await make(place);
  originals.set(name, readFileSync(join(place, file)));
}

const lots = chosen.flatMap(([name, { weight = 1 }]) => Array(10 * weight).fill(name));

let refused = 0;
for (let i = 0; i < Number(count); i++) {
  const name = random.pick(lots);
  const { file, read } = formats[name];
  const place = join(folder, name);
  const path = join(place, file);
  const bytes = mutate(originals.get(name), random);
  writeFileSync(path, bytes);
  say({ trying: i, format: name });
  try {
    await read(place, path);
  } catch (error) {
    const isRefusal = error instanceof Error && !(error instanceof Wrong) && error.message !== "";
    if (isRefusal) refused++;
    else {
      const kept = join(folder, `${seed}-${i}-${basename(file)}`);
      writeFileSync(kept, bytes);
      say({ wrong: `${name}: ${error?.message ?? error}`, file: kept });
    }
  }
}
say({ refused, peakMiB: Math.round(process.resourceUsage().maxRSS / 1024) });
