import type { DualEncoder } from "../../clip/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";

/** Image features that tell domains apart, of normalised pixels: `[B, F]`. */
export type DomainFeatures = (pixels: Tensor) => Tensor;

/**
 * @param source `clip`, or the path of a safetensors file of AlexNet
 * @param carried tensors with those of `carriedFeatures` among them, in the place of the file
 * @throws if the default, AlexNet, is wanted and no file was given
 */
export function domainFeatures(
  source: string,
  model: DualEncoder,
  carried?: ReadonlyMap<string, Tensor>,
): DomainFeatures {
  if (source === "clip") return patchFeatures(model);
  if (carried !== undefined)
    return torch.scope(() => alexnetFeatures(uncarried(carried), source, model.device));
  if (source !== "alexnet") {
    return torch.scope(() => alexnetFeatures(torch.safetensors.load(source).tensors, source, model.device));
  }
  throw missingAlexnet();
}

/**
 * Looks for the file of AlexNet before data is read.
 * @throws if it is wanted and not given, or cannot be read
 */
export function checkDomainFeatures(source: string): void {
  if (source === "clip") return;
  if (source === "alexnet") throw missingAlexnet();
  torch.scope(() => {
    const { tensors } = torch.safetensors.load(source);
    for (const { key } of convolutions)
      for (const part of parts) alexnetTensor(tensors, `${key}.${part}`, source);
  });
}

const parts = ["weight", "bias"] as const;

function missingAlexnet(): Error {
  return new Error(
    "ddas: expected the option 'features' to be a safetensors file of torchvision's AlexNet, by which tasks are told apart, got none. " +
      "Give one, or 'clip' for CLIP's patch embeddings, which the published numbers were not made with.",
  );
}

const carriedPrefix = "alexnet.";

/** The tensors beside CLIP's that a source's features need, for a file that is complete by itself. */
export function carriedFeatures(source: string): Map<string, Tensor> {
  if (source === "clip") return new Map();
  const { tensors } = torch.safetensors.load(source);
  const used = convolutions.flatMap(({ key }) => [`${key}.weight`, `${key}.bias`]);
  return new Map(used.map((key) => [carriedPrefix + key, tensors.get(key) as Tensor]));
}

function uncarried(carried: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const own = Array.from(carried).filter(([name]) => name.startsWith(carriedPrefix));
  return new Map(own.map(([name, tensor]) => [name.slice(carriedPrefix.length), tensor]));
}

const convolutions = [
  { key: "features.0", stride: 4, padding: 2, pool: true },
  { key: "features.3", stride: 1, padding: 2, pool: true },
  { key: "features.6", stride: 1, padding: 1, pool: false },
  { key: "features.8", stride: 1, padding: 1, pool: false },
  { key: "features.10", stride: 1, padding: 1, pool: false },
] as const;

/**
 * AlexNet up to its fifth convolution, before the ReLU: 256 × 13 × 13 for images of 224 pixels. What
 * MoE-Adapters' autoencoders read.
 * @param tensors under torchvision's keys (`features.0.weight`, …)
 * @param path the file that they come from
 * @throws if one is missing
 */
function alexnetFeatures(
  tensors: ReadonlyMap<string, Tensor>,
  path: string,
  device: torch.Device,
): DomainFeatures {
  const take = (key: string): Tensor =>
    alexnetTensor(tensors, key, path).to({ device, dtype: "float32" }).clone().keep();
  const layers = convolutions.map((layer) => ({
    ...layer,
    weight: take(`${layer.key}.weight`),
    bias: take(`${layer.key}.bias`),
  }));
  return (pixels) =>
    torch.scope(() => {
      let x = pixels;
      for (const [i, { weight, bias, stride, padding }] of layers.entries()) {
        if (i > 0) x = x.relu();
        if (i > 0 && layers[i - 1]!.pool) x = torch.maxPool2d(x, [3, 3], { stride: [2, 2] });
        x = torch.conv2d(x, weight, { bias, stride, padding });
      }
      return x.flatten(1);
    });
}

function alexnetTensor(tensors: ReadonlyMap<string, Tensor>, key: string, path: string): Tensor {
  const tensor = tensors.get(key);
  if (tensor !== undefined) return tensor;
  throw new Error(
    `${path}: expected '${key}' of torchvision's AlexNet, got ${Array.from(tensors.keys()).slice(0, 5).join(", ")}. Export its state_dict.`,
  );
}

/** How many values `alexnetFeatures` gives for a square image: 43,264 for 224 pixels. */
export function alexnetFeatureCount(imageSize: number): number {
  const pooled = (side: number): number => Math.floor((side - 3) / 2) + 1;
  const side = Math.floor((imageSize + 4 - 11) / 4) + 1; // after the first convolution; the others keep it
  return 256 * pooled(pooled(side)) ** 2;
}

/**
 * The patch embeddings of the pre-trained CLIP, without positions: a stand-in for AlexNet that needs no other
 * file.
 */
function patchFeatures(model: DualEncoder): DomainFeatures {
  return (pixels) => model.vision.embedPatches(pixels).flatten(1);
}
