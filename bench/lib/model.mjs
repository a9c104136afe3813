import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { clip, lora, torch } from "../../dist/index.js";
import { classNames } from "./class-names.mjs";

/** The published models, and one that is small enough to try many sizes of everything else. */
export const models = {
  ...clip.clipConfigs,
  small: scaled({ width: 256, heads: 4, mlpWidth: 1024, layers: 4 }),
};

/** Each contender sets these itself. */
export const training = { learning_rate: 5e-4, betas: [0.9, 0.9999], kappa: 1e-4 };

/** A model for images of another size. @param imageSize pixels */
export function atSize(config, imageSize) {
  return { ...config, vision: { ...config.vision, imageSize } };
}

/** A model like ViT-B/32 with other towers. */
function scaled(tower) {
  const base = clip.clipConfigs["vit-b-32"];
  return { ...base, text: { ...base.text, ...tower }, vision: { ...base.vision, ...tower } };
}

/**
 * Writes a Hugging Face directory with random weights. Its tokenizer cuts words into pairs of letters, so
 * that prompts are as long as those of real class names.
 */
export async function writeModel(directory, { config, seed }) {
  await mkdir(directory, { recursive: true });
  const { tokenizer, config: tokenizerConfig } = clip.formatTokenizer(letterPairs(config.text.vocabSize));
  await writeFile(join(directory, "tokenizer.json"), JSON.stringify(tokenizer));
  await writeFile(join(directory, "tokenizer_config.json"), JSON.stringify(tokenizerConfig));
  const assets = clip.readAssets(directory, { imageSize: config.vision.imageSize });
  const model = clip.createModel(config, { seed, assets });
  torch.scope(() => torch.noGrad(() => model.logitScale.fill_(Math.log(100)))); // as after pre-training
  clip.saveModel(model, directory);
  model.dispose();
}

/**
 * Writes A, B and importance weights of every matrix. B is not zero, so that A and the importance weights get
 * gradients at once.
 */
export function writeAdapters(directory, name, { config, rank, seed }) {
  const model = new clip.ClipModel(config);
  const adapters = lora.inject(model, { rank }, torch.generator(seed));
  torch.scope(() =>
    torch.noGrad(() => {
      const tensors = new Map();
      for (const { name: module, loraA, loraB, importance } of factorsOf(adapters)) {
        loraB.normal_(0, 0.02);
        tensors.set(`${module}.lora_a`, loraA);
        tensors.set(`${module}.lora_b`, loraB);
        tensors.set(`${module}.importance`, importance);
      }
      torch.safetensors.save(join(directory, name), tensors);
    }),
  );
  adapters.remove();
  model.dispose();
}

/** Copies adapters of such a file into a model's. */
export function readAdapters(adapters, path) {
  torch.scope(() =>
    torch.noGrad(() => {
      const { tensors } = torch.safetensors.load(path);
      for (const { name, loraA, loraB, importance } of factorsOf(adapters)) {
        loraA.copy_(tensors.get(`${name}.lora_a`));
        loraB.copy_(tensors.get(`${name}.lora_b`));
        importance.copy_(tensors.get(`${name}.importance`));
      }
    }),
  );
}

/** Views of the factors of every matrix: a layer holds those of its matrices stacked. */
function factorsOf(adapters) {
  const modules = adapters.modules.values();
  return adapters.layers.flatMap(({ targets, loraA, loraB, importance }) =>
    targets.map((_, part) => {
      const [a, b, w] = [loraA, loraB, importance].map((tensor) => tensor.detach().select(0, part));
      return { name: modules.next().value.name, loraA: a, loraB: b, importance: w };
    }),
  );
}

/**
 * Writes normalised pixels, token ids padded to the context length and labels of a training step, and images
 * to classify.
 */
export function writeInputs(directory, name, { images, prompts, testImages = 0, seed }) {
  torch.scope(() => {
    torch.manualSeed(seed);
    const { tokenizer } = clip.readAssets(directory);
    const texts = classNames(prompts).map((word) => clip.fillTemplate(clip.defaultTemplate, word));
    const dtype = "int64";
    const tensors = {
      pixels: torch.randn([images, 3, 224, 224]),
      ids: tokenizer.encode(texts, { crop: false }),
      labels: torch.randint(prompts, [images], { dtype }),
      images: torch.randint(256, [testImages, 3, 224, 224], { dtype: "uint8" }),
    };
    torch.safetensors.save(join(directory, name), new Map(Object.entries(tensors)));
  });
}

function letterPairs(vocabSize) {
  const symbols = [...clip.byteSymbols().values()];
  const pairs = symbols.flatMap((first) => symbols.map((second) => [first, second]));
  return pairs.slice(0, vocabSize - 2 * symbols.length - 2);
}
