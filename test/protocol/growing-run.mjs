// `node growing-run.mjs DIRECTORY COUNT` runs CoDyRA on so many small domains of the miniature world. It goes
// on with the run in the directory, which may be a shorter stream.
import { join } from "node:path";
import { clip, data, methods, protocol, torch } from "../../dist/index.js";

const [directory, count] = process.argv.slice(2);
const model = clip.loadModel(join(torch.packageRoot, "assets", "miniature-clip"));
const size = model.config.vision.imageSize;
const tasks = await Promise.all(
  data.miniature.miniatureDomains.slice(0, Number(count)).map(async ({ name, classes, template }) => {
    const draw = (split, perClass) => data.miniature.drawDomain(name, { split, perClass, seed: 1, size });
    const [train, test] = [await draw("train", 1), await draw("test", 2)];
    return data.taskFromArrays({ name, classes, templates: [template], size, train, test });
  }),
);
const options = { iterations: 4, batchSize: 8, logEvery: 1, rank: 2, learningRate: 0.005, kappaMax: 0.1 };
const method = methods.createMethod("codyra", options, "x-tail");
await protocol.run({
  name: "growing",
  protocol: "x-tail",
  model,
  method,
  tasks,
  seed: 8,
  directory,
  resume: true,
});
