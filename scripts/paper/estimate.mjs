import { hostname } from "node:os";
import { join } from "node:path";
import { clip, data, methods, torch } from "../../dist/index.js";
import { packageRoot, readJson, writeJson } from "../setup/files.mjs";

/** Iterations' time against that of codyra, on the miniature benchmark; the methods not named are like it. */
const iterationFactors = { lwf: 1.7, "lwf-vr": 1.7, icarl: 1.5, zscl: 1.8, "moe-adapter": 1.5 };
const backwardFactor = 3; // forward and backward against forward
const removals = 14; // evaluations of `codyra analyze remove`
const adapterMethods = /^(lora|codyra|keeplora|dac|statra)/;
const bytesPerValue = 4;
const promptLength = 14; // tokens of a usual prompt

/**
 * Time and disk of runs, from a short calibration on this machine: forward passes of the model. Runs of the
 * plan that are finished correct the times of the others.
 * @param {{ device: string, settingsOf: (group: object) => object }} about settingsOf: what a group's
 * configuration says
 * @returns {{ seconds: number, bytes: number }[]} one per run
 */
export function estimate(runs, folder, { device, settingsOf }) {
  const small = smallModel(runs, settingsOf);
  const speed = calibration(folder, small, device);
  const model = small
    ? clip.loadModel(small)
    : clip.createModel(clip.clipConfigs["vit-b-16"], { device: "meta" });
  const predicted = runs.map((run) => {
    const stream = streamOf(run.group, settingsOf(run.group));
    return { seconds: secondsOf(run, stream, speed), bytes: bytesOf(run, stream, model) };
  });
  const measured = runs.map(({ directory, method }) =>
    method ? readJson(join(directory, "run.json"))?.durationSeconds : undefined,
  );
  const known = [...runs.keys()].filter((i) => runs[i].method && runs[i].isFinished());
  const total = (values) => known.reduce((sum, i) => sum + values(i), 0);
  const correction = known.length > 0 ? total((i) => measured[i]) / total((i) => predicted[i].seconds) : 1;
  return predicted.map(({ seconds, bytes }, i) => ({
    seconds: known.includes(i) ? measured[i] : seconds * correction,
    bytes,
  }));
}

/** Images and classes that runs of a group meet. */
function streamOf({ config, datasets, holdOuts = [], protocol, stream }, settings) {
  if (stream) return { settings, ...stream };
  const all = config
    ? (data.streams[settings.datasets] ?? [])
    : data.miniature.miniatureDomains.map(({ name }) => name);
  const count = (name) => {
    if (config) return data.datasetDescriptors[name].expected[settings.splitSource ?? "coop"];
    const classes = data.miniature.miniatureDomain(name).classes.length;
    return { classes, test: classes * settings.testPerClass };
  };
  const sum = (names, key) => names.map(count).reduce((total, each) => total + each[key], 0);
  const learned = datasets ?? all;
  return {
    settings,
    protocol: protocol ?? settings.protocol,
    tasks: learned.length,
    classes: sum(learned, "classes"),
    testedClasses: sum([...learned, ...holdOuts], "classes"),
    testImages: sum([...learned, ...holdOuts], "test"),
  };
}

function secondsOf({ method }, { settings, tasks, classes, testedClasses, testImages }, { image, text }) {
  const evaluation = testImages * image + testedClasses * text;
  if (method === undefined) return removals * evaluation;
  if (method === "zero-shot") return evaluation;
  const { iterations = 0, batchSize = 0 } = settings.methods[method];
  const step =
    backwardFactor * (iterationFactors[method] ?? 1) * (batchSize * image + (classes / tasks) * text);
  return tasks * iterations * step + classes * settings.shots * image + (tasks + 1) * evaluation;
}

/** The last checkpoint, and the adapter of every task. */
function bytesOf({ method }, { settings, classes, tasks }, model) {
  if (method === undefined) return 0;
  const costs = methods.methodCosts(model, { classes, tasks, shots: settings.shots });
  const { stored, trainable } = costs.find((cost) => cost.method === method);
  return (
    bytesPerValue * (model.numParameters() + stored + (adapterMethods.test(method) ? tasks * trainable : 0))
  );
}

/** Seconds of a forward pass per image and per prompt; measured once for a folder, machine and device. */
function calibration(folder, small, device) {
  const path = join(folder, ".plan", `speed-${hostname()}-${device.replace(":", "-")}.json`);
  const before = readJson(path);
  if (before) return before;
  const model = small
    ? clip.loadModel(small, { device })
    : clip.createModel(clip.clipConfigs["vit-b-16"], { device });
  if (!small) clip.initialise(model, torch.generator(0));
  const count = small ? 64 : 4;
  const { imageSize } = model.config.vision;
  const pixels = torch.zeros([count, 3, imageSize, imageSize], { device });
  const ids = torch.ones([count, promptLength], { dtype: "int64", device });
  const speed = {
    image: secondsPerItem(() => model.encodeImage(pixels), count),
    text: secondsPerItem(() => model.encodeText(ids), count),
  };
  model.dispose();
  writeJson(path, speed);
  return speed;
}

/** The faster of two passes after one to warm up. */
function secondsPerItem(pass, count) {
  const times = [0, 1, 2].map(() =>
    torch.scope(() => {
      const began = performance.now();
      torch.noGrad(() => pass().sum().item());
      return (performance.now() - began) / 1000;
    }),
  );
  return Math.min(times[1], times[2]) / count;
}

/** Location of a small benchmark's model; none where runs start from a ViT-B/16. */
function smallModel(runs, settingsOf) {
  if (runs.every(({ group }) => group.config === undefined)) {
    return join(packageRoot, "assets", "miniature-clip");
  }
  return runs[0].group.stream && settingsOf(runs[0].group).model;
}
