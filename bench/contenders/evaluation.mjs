/**
 * One evaluation as after a task, by the build that is named: prints its seconds, processor seconds and
 * accuracies.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { classNames } from "../lib/class-names.mjs";

const {
  build,
  model: path,
  datasets,
  images,
  classes,
  imageSize,
  batchSize,
  threads,
  isRounded,
} = JSON.parse(process.argv[2]);
const { clip, data, methods, protocol, torch } = await import(
  pathToFileURL(join(build, "dist/index.js")).href
);
torch.setNumThreads(threads);
const model = clip.loadModel(path).requiresGrad_(false);
const names = classNames(classes);
const counts = { images: Math.floor(images / datasets), classes: Math.floor(classes / datasets) };
torch.manualSeed(0);
const tasks = Array.from({ length: datasets }, (_, i) => ({
  name: `dataset ${i}`,
  classes: names.slice(i * counts.classes, (i + 1) * counts.classes),
  templates: [clip.defaultTemplate],
  test: randomSet(),
}));
const method = methods.createMethod("codyra", {}, "x-tail");
const context = methods.standaloneContext(model, "x-tail");
const closeCalls = isRounded ? new protocol.CloseCalls() : undefined;
const options = { protocol: "x-tail", batchSize, ...(closeCalls && { closeCalls }) };
const [began, usedBefore] = [performance.now(), process.cpuUsage()];
const accuracies = await protocol.evaluate(method, tasks, context, options);
const { user, system } = process.cpuUsage(usedBefore);
const seconds = (performance.now() - began) / 1000;
console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, accuracies, closeCalls }));

function randomSet() {
  return torch.scope(() => {
    const shape = [counts.images, 3, imageSize, imageSize];
    const labels = torch.arange(counts.images, { dtype: "int64" }).remainder(counts.classes);
    return new data.ImageSet({
      images: torch.randint(256, shape, { dtype: "uint8" }),
      labels,
      fingerprint: "",
    });
  });
}
