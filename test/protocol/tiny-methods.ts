import { methods, type ReferenceData } from "../../lib/methods/index.js";
import { colourTasks } from "../methods/tasks.js";

type Options = Readonly<Record<string, unknown>>;

const training = { iterations: 4, batchSize: 9, logEvery: 2, learningRate: 0.002 };
const adapters = { ...training, learningRate: 0.1, rank: 4 };
const codyra = { ...adapters, kappaMax: 0.05 };
const ddas = { features: "clip", code: 4, iterations: 3, referenceIterations: 3, threshold: 1 };
const experts = { learningRate: 0.1, experts: 4, bottleneck: 4, ddas };
const keeplora = { ...training, learningRate: 0.01, rank: 4 };
const dac = { ...training, learningRate: 0.02, rank: 4, topTrain: 3, topMerge: 2 };
const rail = { hiddenDim: 20 };
const replay = { pseudoFeatures: 8, wordCount: 20, wordBatch: 3 };
const statra = { ...adapters, ...replay, imageLearningRate: 0.05, crops: 2 };

/**
 * Options with which a method is done in a fraction of a second; those not named here train with the common
 * options.
 */
const tinyOptions: Readonly<Record<string, Options>> = {
  "zero-shot": {},
  "lwf-vr": { ...training, sentences: 8 },
  icarl: { ...training, memory: 11 },
  zscl: { ...training, ensembleEvery: 2 },
  "moe-adapter": { ...training, ...experts },
  "rail-primal": rail,
  "rail-dual": {},
  lora: adapters,
  codyra,
  "codyra-routed": codyra,
  "codyra+rail-primal": { ...codyra, rail },
  "codyra+rail-dual": codyra,
  keeplora,
  dac,
  statra,
};

/** Other ways of a method to keep something from task to task. */
const variants: readonly [method: string, options: Options][] = [
  ["icarl", { ...training, memory: 11, teacher: "previous" }],
  ["wise-ft", { ...training, partner: "zero-shot" }],
  [
    "moe-adapter",
    { ...training, ...experts, crops: "fresh", textRouting: "end", ddas: { ...ddas, unit: "image" } },
  ],
  ["finetune", { ...training, replay }],
  ["lora", { ...adapters, replay }],
  ["lora", { ...adapters, replay: { ...replay, unlearnedTexts: "first" } }],
  ["codyra", { ...codyra, replay }],
  ["codyra-routed", { ...codyra, gateModel: "frozen" }],
  ["codyra-routed", { ...codyra, router: "ddas", ddas }],
  ["codyra-routed", { ...codyra, replay }],
  ["codyra+rail-primal", { ...codyra, rail, features: "frozen" }],
  ["keeplora", { ...keeplora, preset: "released", variant: "pp", epochs: 2 }],
  ["dac", { ...dac, preset: "paper", router: "gate" }],
  ["statra", { ...statra, imageIterations: 0, replayClasses: 2 }],
  ["statra", { ...statra, unlearnedTexts: "first" }],
  ["statra", { ...statra, covariance: "diagonal", candidates: "own", distillationWeight: 0 }],
];

export const everyMethod = methods.map(({ name }): [method: string, options: Options] => [
  name,
  tinyOptions[name] ?? training,
]);

/** Every method, and the variants that keep other things. */
export const everyVariant = [...everyMethod, ...variants];

/** Variants that have to be told an image's dataset. */
export const mtilVariants: readonly [method: string, options: Options][] = [
  ["keeplora", { ...keeplora, variant: "plus" }],
  ["dac", { ...dac, knownTasks: true }],
];

/** The training images of a tiny task, and a few captions. */
export function tinyReference(): ReferenceData {
  return { name: "tiny", images: colourTasks()[0]!.train, texts: ["a photo.", "a red photo.", "nothing"] };
}
