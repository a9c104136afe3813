import { totalmem } from "node:os";
import { noGrad, scope, type Tensor } from "../../torch/index.js";
import { type ModelConfig, readOutToken } from "../config.js";
import type { StateDict } from "./keys.js";

// A configuration can say anything. What it says is compared with the weights before memory is taken for it.

const mostSize = 2 ** 20; // of one dimension; published models have at most 250,000 tokens
const mostUnnamedLayers = 256;

/**
 * Checks that a configuration describes a model that its weights can be of, at a cost that does not depend on
 * what it says.
 * @param tensors under Hugging Face's names or OpenAI's
 * @param said the source of the configuration, named in the error
 * @throws naming the size that cannot be
 */
export function checkSizes(config: ModelConfig, tensors: StateDict, said: string, source: string): void {
  const { text, vision } = config;
  const sizes: [name: string, value: number][] = [
    ["width of the text encoder", text.width],
    ["MLP width of the text encoder", text.mlpWidth],
    ["heads of the text encoder", text.heads],
    ["vocabulary", text.vocabSize],
    ["context length", text.contextLength],
    ["width of the image encoder", vision.width],
    ["MLP width of the image encoder", vision.mlpWidth],
    ["heads of the image encoder", vision.heads],
    ["image size", vision.imageSize],
    ["patch size", vision.patchSize],
    ["patches of an image", Math.floor(vision.imageSize / vision.patchSize) ** 2],
    ["dimensions of features", config.embedDim],
  ];
  for (const [name, value] of sizes) {
    if (Number.isSafeInteger(value) && value >= 1 && value <= mostSize) continue;
    throw new Error(
      `${said}: ${name}: expected a whole number from 1 to ${mostSize}, got ${value}. Use the configuration of these weights.`,
    );
  }
  const towers = [
    ["text", text.layers, /^(?:text_model\.encoder\.layers|transformer\.resblocks)\.(\d+)\./],
    ["image", vision.layers, /^(?:vision_model\.encoder\.layers|visual\.transformer\.resblocks)\.(\d+)\./],
  ] as const;
  for (const [tower, layers, pattern] of towers) {
    const named = new Set(Array.from(tensors.keys(), (key) => pattern.exec(key)?.[1])).size - 1;
    if (layers <= Math.max(named, mostUnnamedLayers)) continue;
    throw new Error(
      `${said}: says that the ${tower} encoder has ${layers} layers, ${source} has ${Math.max(named, 0)}: expected the same. ` +
        "Use the configuration of these weights.",
    );
  }
  checkTokenIds(config, said);
}

function checkTokenIds(config: ModelConfig, said: string): void {
  const [endTokenId, { vocabSize }] = [readOutToken(config), config.text];
  if (endTokenId === undefined || endTokenId < vocabSize) return;
  throw new Error(
    `${said}: the token that ends texts has id ${endTokenId}: expected one below the ${vocabSize} of the vocabulary. Correct it.`,
  );
}

/**
 * @param expected the parameters of the model, whose memory is not there yet
 * @throws if the machine has less
 */
export function checkMemory(expected: StateDict, itemBytes: number, source: string): void {
  let elements = 0;
  for (const tensor of expected.values()) elements += tensor.numel();
  const bytes = elements * itemBytes;
  if (bytes <= totalmem()) return;
  const gigabytes = (count: number): string => `${(count / 1e9).toFixed(1)} GB`;
  throw new Error(
    `${source}: the model needs ${gigabytes(bytes)}: expected at most the ${gigabytes(totalmem())} of this machine. ` +
      "Use a smaller model, or load it in float16.",
  );
}

/** Beyond this, squares that are added up in float32 overflow: a damaged exponent, not a trained weight. */
export const largestWeight = 1e18;

/**
 * @param tensors those that the model takes
 * @throws naming the tensor and file, where a number is NaN, infinite or so large that every result would be
 */
export function checkFinite(tensors: StateDict, source: string): void {
  for (const [name, tensor] of tensors) {
    const broken = brokenCount(tensor);
    if (broken === 0) continue;
    throw new Error(
      `${source}: tensor '${name}' has ${broken} of ${tensor.numel()} numbers that are NaN, infinite or beyond ${largestWeight}: expected weights to compute with. ` +
        "Download or export them again; `allowNonFinite: true` loads them as they are.",
    );
  }
}

/** In float32, because float16 holds no such limit: compared there, it would be infinity itself. */
function brokenCount(tensor: Tensor): number {
  return noGrad(() =>
    scope(() => {
      const isUsable = tensor.to({ dtype: "float32" }).abs().le(largestWeight); // false for NaN
      return Number(isUsable.logicalNot().sum().item());
    }),
  );
}
