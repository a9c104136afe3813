// node parallel-runs.mjs DIRECTORY CASES: methods with their options, as JSON, each on two tiny tasks, as one
// of the processes that a launcher started or by itself. Prints a hash of the weights after each.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { clip, data, methods, protocol, torch } from "../../dist/index.js";

const [directory, list] = process.argv.slice(2);
const { distributed } = torch;
await distributed.init();
const fixture = join(import.meta.dirname, "../clip/fixtures/quick-gelu");
const tasks = [noise("bright", ["red", "green", "blue"]), noise("dim", ["dark", "light"])];
const reference = { name: "noise", images: tasks[0].train, texts: ["a photo.", "nothing", "a word"] };
const weights = [];
try {
  for (const [i, [name, options]] of JSON.parse(list).entries()) {
    const model = clip.loadModel(fixture);
    await protocol.run({
      name,
      protocol: "x-tail",
      model,
      method: methods.createMethod(name, options, "x-tail"),
      tasks,
      reference,
      seed: 8,
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
  throw error;
}
await distributed.close();
console.log(JSON.stringify(weights));

/** Images that differ in their brightest channel. */
function noise(name, classes) {
  const size = clip.loadModel(fixture).config.vision.imageSize;
  const draw = (perClass, salt) => {
    const random = new data.Random(`${name} ${salt}`);
    const labels = Int32Array.from({ length: perClass * classes.length }, (_, i) => i % classes.length);
    const images = new Uint8Array(labels.length * size * size * 3);
    for (let i = 0; i < images.length; i++) {
      const label = labels[Math.floor(i / (size * size * 3))];
      images[i] = random.uniform(0, i % 3 === label ? 255 : 120);
    }
    return { images, labels };
  };
  return data.taskFromArrays({
    name,
    classes,
    templates: ["a photo of a {}."],
    size,
    train: draw(5, 1),
    test: draw(4, 2),
  });
}
