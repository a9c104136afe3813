import type { DualEncoder } from "../../clip/index.js";
import { type Task, TrainingBatches } from "../../data/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { inParts } from "./in-parts.js";
import { contrastiveLoss } from "./losses.js";
import type { StageState } from "./stage.js";
import { trainingPrompts } from "./training-prompts.js";
import type { RunContext } from "./types.js";

export interface TaskGradientOptions {
  /** Images per pass. */
  readonly batchSize: number;
  readonly seed: number;
  /**
   * The mean over all images in float32; or over full batches in float16 without loss scaling, as KeepLoRA's
   * code takes it.
   */
  readonly gradient: "exact" | "autocast";
  /** Computes activations again in the backward pass. */
  readonly checkpointing: boolean;
  /** Whether the mean image feature of each class is wanted. */
  readonly classMeans: boolean;
}

export interface TaskGradient {
  /** `∂CE/∂W` in the layout of each layer's weight, `[outFeatures, inFeatures]` */
  readonly gradients: ReadonlyMap<torch.nn.Linear, Tensor>;
  /**
   * Unit vectors `[C, D]`: the mean of each class's unit image features, or its text feature where it has no
   * image.
   */
  readonly classMeans: Tensor | undefined;
}

/**
 * The gradient of the cross-entropy over a task's classes with respect to some weights of the model as it is.
 * It takes one pass over the training images, of which models see the middle. The weights do not change
 * meanwhile, so the text encoder runs once. The gradients of its features are added up over the batches, and
 * go back through it at the end. Call it inside a scope that outlives the use of the result.
 * @throws if the run is aborted
 */
export async function taskGradient(
  task: Task,
  context: RunContext,
  layers: readonly torch.nn.Linear[],
  options: TaskGradientOptions,
): Promise<TaskGradient> {
  const { model } = context;
  const isExact = options.gradient === "exact";
  const batches = new TrainingBatches(task.train, {
    batchSize: options.batchSize,
    seed: options.seed,
    preprocessing: model.preprocessing,
    crop: "center",
    device: model.device,
  });
  const { batchesPerEpoch } = batches.sampler;
  const isShort = (size: number): boolean => size < options.batchSize && batchesPerEpoch > 1;
  const fullBatches = batchesPerEpoch - (isShort(batches.sampler.at(batchesPerEpoch - 1).length) ? 1 : 0);
  const { precision } = model;
  model.requiresGrad_(false);
  for (const { weight } of layers) weight.requiresGrad = true;
  if (isExact) model.precision = "fp32";
  const half = { dtype: "float16", device: model.device } as const;
  const [textParts, imageParts] = [new torch.Checkpoints(), new torch.Checkpoints()];
  const encode = (encoder: () => Tensor, parts: torch.Checkpoints): Tensor => {
    model.checkpoints = options.checkpointing ? parts : undefined;
    const features = isExact ? encoder() : torch.autocast(half, encoder).float();
    model.checkpoints = undefined;
    return torch.nn.functional.normalize(features);
  };
  try {
    const scale = torch.noGrad(() => model.logitScale.exp());
    const { ids, sharedPrefix } = trainingPrompts(model, [task]);
    const encoded = encode(() => model.encodeText(ids, { sharedPrefix }), textParts);
    const texts = encoded.detach().requiresGrad_();
    const sums = options.classMeans ? torch.zeros(texts.shape, { device: model.device }) : undefined;
    const addGradients = (part: number): void => {
      const { pixels, labels } = batches.at(part);
      const size = labels.size(0);
      const isCounted = isExact || !isShort(size);
      const encodeImages = () => encode(() => model.encodeImage(pixels), imageParts);
      const images = isCounted ? encodeImages() : torch.noGrad(encodeImages);
      sums?.indexAdd_(0, labels, images.detach());
      if (!isCounted) return;
      const loss = contrastiveLoss(images, texts, labels, scale, { loss: "image-to-text" });
      loss.mul(isExact ? size / task.train.length : 1 / fullBatches).backward();
      imageParts.backward();
    };
    const state = gradientState([texts, ...layers.map(({ weight }) => weight)], sums);
    await inParts(context, "gradient of the task", batchesPerEpoch, addGradients, state);
    encoded.backward({ gradient: texts.grad as Tensor });
    textParts.backward();
    const gradients = new Map(layers.map((layer) => [layer, (layer.weight.grad as Tensor).clone()]));
    return { gradients, classMeans: sums && unitMeans(sums, texts.detach()) };
  } finally {
    model.precision = precision;
    model.checkpoints = undefined;
    clearGradients(model);
  }
}

/** Gradients as far as they are added up; a tensor that no batch reached has none. */
function gradientState(leaves: readonly Tensor[], sums: Tensor | undefined): StageState {
  return {
    state() {
      const gradients = leaves.flatMap((leaf, i): [string, Tensor][] =>
        leaf.grad === undefined ? [] : [[`gradient.${i}`, leaf.grad]],
      );
      return { tensors: new Map([...gradients, ...(sums ? [["sums", sums] as const] : [])]), data: {} };
    },
    loadState({ tensors }) {
      for (const [i, leaf] of leaves.entries()) leaf.grad = tensors.get(`gradient.${i}`)?.clone();
      sums?.copy_(tensors.get("sums") as Tensor);
    },
  };
}

/** Rows of length 1; those of classes without images are the text features. */
function unitMeans(sums: Tensor, texts: Tensor): Tensor {
  const isSeen = torch.linalgVectorNorm(sums, { dim: [1], keepdim: true }).gt(0);
  return torch.where(isSeen, torch.nn.functional.normalize(sums), texts);
}

function clearGradients(model: DualEncoder): void {
  model.requiresGrad_(false);
  for (const parameter of model.parameters()) parameter.grad = undefined;
}
