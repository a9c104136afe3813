/** A stream of tasks of random images and drawn class names: what each task costs its process. */
import { clip, data, methods, torch } from "../../dist/index.js";
import { classNames } from "../lib/class-names.mjs";
import { serve } from "../lib/serve.mjs";

let context;
let method;

async function load({ directory, method: name, options }) {
  const model = clip.loadModel(directory);
  method = methods.createMethod(name, options, "x-tail");
  context = { ...methods.standaloneContext(model, "x-tail"), learned: [] };
  await method.beginRun?.(context);
}

/** @returns `cpuSeconds` of processors and `seconds` by the clock that one more task takes */
async function learn({ classes, shots }) {
  const { model, learned } = context;
  const index = learned.length;
  const names = classNames(classes * (index + 1)).slice(-classes);
  const task = randomTask(`task ${index}`, names, { shots, size: model.preprocessing.cropSize });
  const now = { ...context, taskIndex: index };
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  await method.beginTask(task, now);
  await method.trainTask(task, now);
  await method.endTask(task, now);
  const { user, system } = process.cpuUsage(cpu);
  learned.push({ name: task.name, classes: names, templates: task.templates });
  return { cpuSeconds: (user + system) / 1e6, seconds: (performance.now() - began) / 1000 };
}

function randomTask(name, classes, { shots, size }) {
  return torch.scope(() => {
    const generator = torch.generator(0);
    const count = classes.length * shots;
    const images = torch.randint(256, [count, 3, size, size], { generator, dtype: "uint8" }).keep();
    const labels = torch.arange(count).remainder(classes.length).keep();
    const train = new data.ImageSet({ images, labels, fingerprint: name });
    return { name, classes, templates: [clip.defaultTemplate], train, test: train };
  });
}

await serve({ load, learn });
