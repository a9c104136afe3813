/** One task as a run does it: through a method, with augmented batches, and the protocol's evaluation. */
import { join } from "node:path";
import { clip, data, methods, protocol, torch } from "../../dist/index.js";
import { now } from "../lib/clock.mjs";
import { classNames } from "../lib/model.mjs";
import { serve } from "../lib/serve.mjs";

let device;
let context;
let task;
let method;

async function load({ directory, inputs, device: wanted, precision, rank, iterations, images, prompts }) {
  device = wanted;
  const start = now(device);
  const model = clip.loadModel(directory, {
    device,
    precision: precision === "bfloat16" ? "bf16" : "fp32",
  });
  task = loadTask(join(directory, inputs), classNames(prompts));
  method = methods.createMethod("codyra", { rank, iterations, batchSize: images }, "mtil");
  context = methods.standaloneContext(model, "mtil");
  await method.beginTask(task, context);
  return { seconds: (now(device) - start) / 1000 };
}

/** All iterations that `load` was told. */
async function train() {
  const start = now(device);
  await method.trainTask(task, context);
  return { seconds: (now(device) - start) / 1000 };
}

async function merge() {
  const start = now(device);
  await method.endTask(task, context);
  return { seconds: (now(device) - start) / 1000 };
}

async function evaluate({ batch_size: batchSize }) {
  const start = now(device);
  await protocol.evaluate(method, [task], context, { protocol: "mtil", batchSize });
  return { seconds: (now(device) - start) / 1000 };
}

/** The same images to train on and to test on: their content makes no difference here. */
function loadTask(path, classes) {
  return torch.scope(() => {
    const images = torch.safetensors.load(path).tensors.get("images").to({ device }).clone();
    const labels = torch.arange(images.size(0), { dtype: "int64", device }).remainder(classes.length);
    const set = new data.ImageSet({ images, labels, fingerprint: "" });
    return { name: "random", classes, templates: [clip.defaultTemplate], train: set, test: set };
  });
}

await serve({ load, train, merge, evaluate });
