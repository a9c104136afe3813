// node killable-run.mjs DIRECTORY: CoDyRA on two small domains of the miniature world; goes on where an
// earlier process was killed.
import { join } from "node:path";
import { clip, data, methods, protocol, torch } from "../../dist/index.js";

const model = clip.loadModel(join(torch.packageRoot, "assets", "miniature-clip"));
const size = model.config.vision.imageSize;
const tasks = await Promise.all(
  data.miniature.miniatureDomains.slice(0, 2).map(async ({ name, classes, template }) => {
    const draw = (split, perClass) => data.miniature.drawDomain(name, { split, perClass, seed: 1, size });
    const [train, test] = [await draw("train", 1), await draw("test", 2)];
    return data.taskFromArrays({ name, classes, templates: [template], size, train, test });
  }),
);
const options = { iterations: 6, batchSize: 8, logEvery: 1, rank: 2, learningRate: 0.005, kappaMax: 0.1 };
const method = methods.createMethod("codyra", options, "x-tail");
const directory = process.argv[2];
await protocol.run({
  name: "killable",
  protocol: "x-tail",
  model,
  method,
  tasks,
  seed: 8,
  directory,
  resume: true,
  saveEverySeconds: 1e-9, // whenever an iteration is done
});
