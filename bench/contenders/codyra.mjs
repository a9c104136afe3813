/** The commands of bench/peers/contender.py. */
import { join } from "node:path";
import { clip, data, lora, methods, torch } from "../../dist/index.js";
import { classNames } from "../lib/class-names.mjs";
import { now, ownTime } from "../lib/clock.mjs";
import { readAdapters } from "../lib/model.mjs";
import { serve } from "../lib/serve.mjs";

const { normalize } = torch.nn.functional;
let device;
let precision;
let model;
let inputs;
let adapters;
let optimizer;
let schedule;
let steps = 0;
let iterate;
let settings;
let scale;
let classify;

function load(options) {
  ({ device, precision } = options);
  settings = options;
  const start = now(device);
  // Whoever only classifies needs no weights in float32.
  const dtype = options.adapters === null ? precision : "float32";
  model = clip.loadModel(options.directory, { device, dtype }).requiresGrad_(false);
  inputs = loadInputs(join(options.directory, options.inputs));
  scale = torch.noGrad(() => model.logitScale.exp());
  if (options.adapters === null) return { seconds: (now(device) - start) / 1000, trainable: 0 };

  adapters = lora.inject(model, { rank: options.rank });
  readAdapters(adapters, join(options.directory, options.adapters));
  optimizer = new lora.LoraOptimizer(adapters, { betas: options.betas });
  schedule = torch.zeros([3], { dtype: "float64", device });
  iterate = device === "cpu" ? iteration : captured(iteration);
  const { factors, importance } = adapters.numTrainable;
  return { seconds: (now(device) - start) / 1000, trainable: factors + importance };
}

function step() {
  const start = ownTime(device);
  const loss = torch.scope(() => {
    steps++;
    const values = torch.tensor([settings.learning_rate, settings.kappa, steps], { dtype: "float64" });
    schedule.copy_(torch.upload(values, device));
    return iterate().item();
  });
  return { seconds: (ownTime(device) - start) / 1000, loss };
}

/** As methods train: see lib/methods/shared/training.ts. */
function iteration() {
  adapters.zeroGrad();
  if (precision !== "float32") adapters.formEffectiveWeights(precision);
  const { ids, sharedPrefix } = inputs.prompts;
  const features = inPrecision(() => [
    model.encodeImage(inputs.pixels),
    model.encodeText(ids, { sharedPrefix }),
  ]);
  const [images, classes] = features.map((tensor) => normalize(tensor.float()));
  const total = methods.contrastiveLoss(images, classes, inputs.labels, scale, { loss: "symmetric" });
  total.backward();
  optimizer.stepBy(schedule);
  return total.detach();
}

/** The loss of a graph is its own: scopes must not free it. */
function captured(body) {
  const step = torch.cuda.capture(() => torch.scope(body));
  return () => step.replay().clone();
}

function merge() {
  const start = now(device);
  adapters.merge();
  return { seconds: (now(device) - start) / 1000 };
}

function encodeTexts() {
  const start = now(device);
  const group = {
    name: "classes",
    classes: classNames(inputs.prompts.ids.size(0)),
    templates: [clip.defaultTemplate],
  };
  classify = methods.zeroShotClassifier({ groups: [group] }, { model });
  return { seconds: (now(device) - start) / 1000 };
}

/** Classifies the images; `logits` is their mean for each class. */
function evaluate({ batch_size: batchSize }) {
  const { images } = inputs;
  const { preprocessing } = model;
  const start = now(device);
  const logits = torch.scope(() => {
    const sum = torch.zeros([inputs.prompts.ids.size(0)], { device });
    for (const { pixels } of data.evaluationBatches(images, { batchSize, preprocessing, device })) {
      torch.scope(() => sum.add_(classify(pixels).float().sum([0])));
    }
    return sum.div(images.length).toArray();
  });
  return { seconds: (now(device) - start) / 1000, logits };
}

function inPrecision(body) {
  return precision === "float32" ? body() : torch.autocast({ dtype: precision, device }, body);
}

function loadInputs(path) {
  return torch.scope(() => {
    const { tensors } = torch.safetensors.load(path);
    const onDevice = (tensor) => tensor.clone().to({ device });
    return {
      pixels: onDevice(tensors.get("pixels")),
      prompts: clip.encodePrompts(
        model.tokenizer,
        clip.classPrompts(classNames(tensors.get("ids").size(0))),
        {
          device,
        },
      ),
      labels: onDevice(tensors.get("labels")),
      images: new data.ImageSet({
        images: onDevice(tensors.get("images")),
        labels: torch.zeros([tensors.get("images").size(0)], { dtype: "int64", device }),
        fingerprint: "",
      }),
    };
  });
}

await serve({ load, step, merge, encode_texts: encodeTexts, evaluate });
