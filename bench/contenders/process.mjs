/** One of the processes that learn a task together, or one that learns it alone. */
import { join } from "node:path";
import { clip, methods, torch } from "../../dist/index.js";
import { classNames } from "../lib/class-names.mjs";
import { now } from "../lib/clock.mjs";
import { loadRandomTask } from "../lib/random-task.mjs";
import { serve } from "../lib/serve.mjs";

const { distributed } = torch;
const device = "cpu";
let task;
let method;
let context;

/** Together with the others, if a launcher's variables are set. */
async function load({ directory, rank, iterations, images, prompts, threads }) {
  if (process.env.WORLD_SIZE !== undefined) await distributed.init();
  torch.setNumThreads(threads);
  const model = clip.loadModel(directory);
  task = loadRandomTask(join(directory, "inputs.safetensors"), { classes: classNames(prompts), device });
  method = methods.createMethod("codyra", { rank, iterations, batchSize: images, logEvery: 1 }, "mtil");
  context = methods.standaloneContext(model, "mtil");
}

/** A whole task, of which training is timed. */
async function train() {
  await method.beginTask(task, context);
  const start = now(device);
  const { loss } = await method.trainTask(task, context);
  const seconds = (now(device) - start) / 1000;
  await method.endTask(task, context);
  return { seconds, loss };
}

/** Seconds of one sum of float32 numbers over all processes. */
function communicate({ numbers }) {
  return torch.scope(() => {
    const gradients = torch.ones([numbers]);
    const start = now(device);
    distributed.allReduce(gradients);
    return { seconds: (now(device) - start) / 1000 };
  });
}

await serve({ load, train, communicate, close: () => distributed.close() });
