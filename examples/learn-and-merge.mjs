// CoDyRA on one task, step by step. The classes of the miniature CLIP's `signs` are learned by low-rank
// adapters; thresholding drops ranks, the others become part of the weights.
//
//   node examples/learn-and-merge.mjs [FOLDER]      writes the model to FOLDER, in the layout of transformers

import { clip, data, experiment, lora, methods, torch } from "codyra";
import { drawTask } from "./drawn-photos.mjs";

const iterations = 120;
torch.manualSeed(1);
const model = experiment.openModel({ model: "miniature" }, "cpu").requiresGrad_(false);
const task = await drawTask("signs", { shots: 16, size: model.config.vision.imageSize });
const accuracyBefore = accuracy();

// W + B diag(w) A on all six matrices of every block, in both encoders.
const adapters = lora.inject(model, { rank: 8 });
const optimizer = new lora.LoraOptimizer(adapters);
const learningRate = torch.optim.cosineSchedule({ learningRate: 4e-3, total: iterations });
const kappa = lora.thresholdSchedule({
  iterations,
  denseRatio: 0.5, // the first half learns with all ranks
  kappaMax: 0.02,
  levels: 50,
  schedule: "even",
  sparseFrom: "at",
});

const { normalize } = torch.nn.functional;
const { preprocessing, tokenizer } = model;
const scale = model.logitScale.exp();
const batches = new data.TrainingBatches(task.train, { batchSize: 32, seed: 1, preprocessing });
const prompts = clip.encodePrompts(tokenizer, clip.classPrompts(task.classes, task.templates[0]));

for (let i = 0; i < iterations; i++) {
  torch.scope(() => {
    const { pixels, labels } = batches.at(i);
    adapters.zeroGrad();
    const images = normalize(model.encodeImage(pixels));
    const texts = normalize(model.encodeText(prompts.ids));
    const loss = methods.contrastiveLoss(images, texts, labels, scale, { loss: "symmetric" });
    loss.backward();
    optimizer.step(learningRate(i), kappa(i)); // AdamW, then w ← T_κ(w)
    if ((i + 1) % 40 === 0) {
      const active = adapters.activeRanks().reduce((sum, ranks) => sum + ranks, 0);
      const all = adapters.modules.length * 8;
      console.log(`iteration ${i + 1}  loss ${loss.item().toFixed(3)}  active ranks ${active} of ${all}`);
    }
  });
}

const kept = adapters.merge(); // by matrix; an ordinary CLIP again
console.log(`merged ${kept.reduce((sum, ranks) => sum + ranks, 0)} ranks into ${kept.length} matrices`);
console.log(`accuracy on ${task.name}: ${accuracyBefore} before, ${accuracy()} after`);

const [folder] = process.argv.slice(2);
if (folder !== undefined) clip.saveModel(model, folder);

/** Accuracy on the test images, in percent. */
function accuracy() {
  const correct = torch.scope(() =>
    torch.noGrad(() => {
      const texts = clip.classFeatures(model, task.classes, task.templates);
      const images = model.encodeImage(model.preprocessing.normalise(task.test.images));
      return Number(model.logits(images, texts).argmax(1).eq(task.test.labels).sum().item());
    }),
  );
  return `${((100 * correct) / task.test.length).toFixed(1)} %`;
}
