// `node parallel-runs.mjs DIRECTORY CASES [other]` runs methods on two tiny tasks each, alone or as one of a
// launcher's processes. Cases are methods with options, as JSON. Prints a hash of the weights after each.
// `other` is what rank 1 has another one of: seed, dataset or weights.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { clip, methods, protocol, torch } from "../../dist/index.js";
import { noise } from "./noise.mjs";

const [directory, list, other] = process.argv.slice(2);
const { distributed } = torch;
await distributed.init();
const fixture = join(import.meta.dirname, "../clip/fixtures/quick-gelu");
const has = (what) => distributed.rank() === 1 && other === what;
const tasks = [noise("bright", ["red", "green", "blue"]), noise("dim", ["dark", "light"])];
if (has("dataset")) tasks[1] = noise("dim", ["dark", "bright"]);
const reference = { name: "noise", images: tasks[0].train, texts: ["a photo.", "nothing", "a word"] };
const weights = [];
try {
  for (const [i, [name, options, protocolName = "x-tail"]] of JSON.parse(list).entries()) {
    const model = clip.loadModel(fixture);
    if (has("weights")) torch.noGrad(() => model.parameters()[3].add_(1e-6));
    await protocol.run({
      name,
      protocol: protocolName,
      model,
      method: methods.createMethod(name, options, protocolName),
      tasks,
      reference,
      seed: has("seed") ? 9 : 8,
      // Nobody but the first process may touch a directory: here is none.
      directory: distributed.rank() === 0 ? join(directory, String(i)) : "/dev/null/nowhere",
      evaluationBatchSize: 3,
      resume: true,
    });
    const hash = createHash("sha256");
    for (const tensor of model.stateDict().values()) hash.update(tensor.toTypedArray());
    weights.push(hash.digest("hex"));
    model.dispose();
  }
} catch (error) {
  distributed.leave(error);
  console.log(JSON.stringify({ name: error.name, message: error.message }));
  process.exit(0);
}
await distributed.close();
console.log(JSON.stringify(weights));
