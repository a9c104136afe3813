// node counted-runs.mjs DIRECTORY CASES: methods with options, as JSON, on a tiny task each, as one of the
// processes that a launcher started. Prints how many collectives each iteration but the first of them took.
import { join } from "node:path";
import { clip, methods, protocol, torch } from "../../dist/index.js";
import { noise } from "./noise.mjs";

const [directory, list] = process.argv.slice(2);
const { distributed } = torch;
await distributed.init();
const counts = [];
for (const [i, [name, options]] of JSON.parse(list).entries()) {
  const issued = [];
  await protocol.run({
    name,
    protocol: "x-tail",
    model: clip.loadModel(join(import.meta.dirname, "../clip/fixtures/quick-gelu")),
    method: methods.createMethod(name, options, "x-tail"),
    tasks: [noise("bright", ["red", "green", "blue"])],
    seed: 8,
    directory: distributed.rank() === 0 ? join(directory, String(i)) : "/dev/null/nowhere",
    observer: { trained: () => void issued.push(distributed.collectivesIssued()) },
  });
  counts.push(issued.slice(1).map((count, at) => count - issued[at]));
}
await distributed.close();
console.log(JSON.stringify(counts));
