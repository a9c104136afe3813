/** One task as a run does it: through a method, with augmented batches, and the protocol's evaluation. */
import { join } from "node:path";
import { clip, methods, protocol } from "../../dist/index.js";
import { classNames } from "../lib/class-names.mjs";
import { now } from "../lib/clock.mjs";
import { loadRandomTask } from "../lib/random-task.mjs";
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
  task = loadRandomTask(join(directory, inputs), { classes: classNames(prompts), device });
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

await serve({ load, train, merge, evaluate });
