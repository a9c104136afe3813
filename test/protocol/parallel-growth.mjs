// `node parallel-growth.mjs DIRECTORY TASKS` runs CoDyRA on so many tiny tasks, alone or as one of a
// launcher's processes. It goes on with a run of fewer. Prints how many images it has encoded before it began
// a task.
import { join } from "node:path";
import { clip, methods, protocol, torch } from "../../dist/index.js";
import { noise } from "./noise.mjs";

const [directory, count] = process.argv.slice(2);
const { distributed } = torch;
await distributed.init();
const tasks = [
  noise("bright", ["red", "green", "blue"]),
  noise("dim", ["dark", "light"]),
  noise("late", ["new", "other"]),
];
const model = clip.loadModel(join(import.meta.dirname, "../clip/fixtures/quick-gelu"));
const encodeImage = model.encodeImage.bind(model);
let images = 0;
model.encodeImage = (pixels) => {
  images += pixels.size(0);
  return encodeImage(pixels);
};
let encoded;
const options = { iterations: 3, batchSize: 7, rank: 3, kappaMax: 0.05, learningRate: 0.01 };
await protocol.run({
  name: "growing",
  protocol: "x-tail",
  model,
  method: methods.createMethod("codyra", options, "x-tail"),
  tasks: tasks.slice(0, Number(count)),
  seed: 8,
  directory: distributed.rank() === 0 ? directory : "/dev/null/nowhere",
  evaluationBatchSize: 3,
  resume: true,
  observer: {
    taskStarted() {
      encoded ??= images;
    },
  },
});
await distributed.close();
console.log(JSON.stringify(encoded));
