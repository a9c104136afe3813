/**
 * Measures the parts of a method's task: seconds per image that is encoded beside training, and per iteration
 * of each phase.
 */
import { join } from "node:path";
import { clip, methods, torch } from "../../dist/index.js";
import { classNames } from "../lib/class-names.mjs";
import { ownTime } from "../lib/clock.mjs";
import { loadRandomTask } from "../lib/random-task.mjs";
import { serve } from "../lib/serve.mjs";

let context;
let method;
let task;
let device;

async function load({
  directory,
  inputs,
  device: wanted,
  precision,
  method: name,
  options,
  prompts,
  earlier,
}) {
  device = wanted;
  const model = clip.loadModel(directory, { device, precision: precision === "bfloat16" ? "bf16" : "fp32" });
  task = loadRandomTask(join(directory, inputs), { classes: classNames(prompts), device });
  method = methods.createMethod(name, { ...options, logEvery: 1 }, "x-tail");
  context = methods.standaloneContext(model, "x-tail");
  await method.beginRun?.(context);
  if (name === "statra")
    addEarlierClasses(classNames(prompts + earlier).slice(prompts), model.config.embedDim);
}

/** Statistics as if as many classes had been learned before. */
function addEarlierClasses(classes, width) {
  torch.scope(() => {
    const { tensors, data: kept } = method.state();
    const means = torch.nn.functional.normalize(torch.randn([classes.length, width], { device }));
    const spread = torch.eye(width, { device }).mul(1e-3);
    method.loadState({
      tensors: new Map([...tensors, ["statistics.means", means], ["statistics.spread", spread]]),
      data: {
        ...kept,
        groups: [{ name: "earlier", classes, templates: [clip.defaultTemplate] }],
        images: classes.map(() => 16),
      },
    });
  });
}

/**
 * @returns `iterations`: seconds of each, phase by phase; `encoding`: seconds per image; both without the
 * first of a phase. With `--threads 1` they are the processor's.
 */
async function measure({ phases }) {
  const times = { encoding: [], iterations: [] };
  let last = ownTime(device);
  const lap = () => {
    const before = last;
    last = ownTime(device);
    return (last - before) / 1000;
  };
  const chunk = 64; // images that a method encodes at a time
  const watched = {
    ...context,
    worked: (what) => {
      const seconds = lap();
      if (/features of/.test(what)) times.encoding.push(seconds / chunk);
    },
    log: ({ kind, step }) => {
      if (kind === "step") times.iterations.push({ step, seconds: lap() });
    },
  };
  await method.beginTask(task, watched);
  lap();
  await method.trainTask(task, watched);
  await method.endTask(task, watched);
  const starts = phases.map((_count, i) => phases.slice(0, i).reduce((sum, each) => sum + each, 0));
  return {
    encoding: times.encoding,
    iterations: phases.map((count, i) =>
      times.iterations
        .filter(({ step }) => step > starts[i] + 1 && step <= starts[i] + count)
        .map(({ seconds }) => seconds),
    ),
  };
}

await serve({ load, measure });
