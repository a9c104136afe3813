/**
 * One evaluation as after a task, by the build that is named: prints its seconds, processor seconds and
 * accuracies. Where every image is encoded once, it prints their classes too.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { classNames } from "../lib/class-names.mjs";

const {
  build,
  model: path,
  inputs,
  datasets,
  classes,
  batchSize,
  threads,
  mode,
} = JSON.parse(process.argv[2]);
const { clip, data, methods, protocol, torch } = await import(
  pathToFileURL(join(build, "dist/index.js")).href
);
torch.setNumThreads(threads);
const model = clip.loadModel(path).requiresGrad_(false);
const names = classNames(classes);
const images = torch.safetensors.load(inputs).tensors.get("images");
const counts = { images: images.size(0) / datasets, classes: classes / datasets };
const tasks = Array.from({ length: datasets }, (_, i) => ({
  name: `dataset ${i}`,
  classes: names.slice(i * counts.classes, (i + 1) * counts.classes),
  templates: [clip.defaultTemplate],
  test: testSet(i),
}));
const method = methods.createMethod("codyra", {}, "x-tail");
const context = methods.standaloneContext(model, "x-tail");
if (mode === "rounded") model.precision = "bf16";
const closeCalls = mode === "confirmed" ? new protocol.CloseCalls() : undefined;
const predicted = [];
if (closeCalls === undefined) remember(method);
const options = { protocol: "x-tail", batchSize, ...(closeCalls && { closeCalls }) };
const [began, usedBefore] = [performance.now(), process.cpuUsage()];
const accuracies = await protocol.evaluate(method, tasks, context, options);
const { user, system } = process.cpuUsage(usedBefore);
const seconds = (performance.now() - began) / 1000;
const cpuSeconds = (user + system) / 1e6;
console.log(JSON.stringify({ seconds, cpuSeconds, accuracies, closeCalls, predicted }));

function testSet(dataset) {
  return torch.scope(() => {
    const own = images.narrow(0, dataset * counts.images, counts.images).clone();
    const labels = torch.arange(counts.images, { dtype: "int64" }).remainder(counts.classes);
    return new data.ImageSet({ images: own, labels, fingerprint: "" });
  });
}

/** Keeps the classes that the method finds. */
function remember(method) {
  const create = method.featureClassifier;
  method.featureClassifier = (labels, context) => {
    const classify = create.call(method, labels, context);
    return (features, dataset) => {
      const scores = classify(features, dataset);
      torch.scope(() => predicted.push(...scores.argmax(1).toArray().map(Number)));
      return scores;
    };
  };
}
