import { checkOptions } from "../options/index.js";
import {
  autocast,
  type Checkpoints,
  type Device,
  type DType,
  nn,
  noGrad,
  scope,
  type Tensor,
} from "../torch/index.js";
import { type AdaptableLayer, adaptableLayers } from "./adaptable.js";
import type { ModelAssets } from "./assets.js";
import type { ModelConfig } from "./config.js";
import type { Preprocessing } from "./preprocessing.js";
import { classFeatures, defaultTemplate } from "./prompts.js";
import type { Tokenizer } from "./tokenizer.js";
import type { TextOptions, TextTower, VisionTower } from "./towers.js";

export interface ClassifyOptions {
  /**
   * Prompts with `{}` where the label goes; the features of several are averaged. Default: `"a photo of a
   * {}."`.
   */
  readonly template?: string | readonly string[];
}

/**
 * Precision of the encoders: everything in the dtype of the weights, or matrix products and attention in
 * bfloat16.
 */
export type Precision = "fp32" | "bf16";

/** The precision that pays on a device: `bf16` on CUDA, `fp32` elsewhere. */
export function defaultPrecision(device: Device): Precision {
  return device.startsWith("cuda") ? "bf16" : "fp32";
}

/**
 * A model that encodes images and texts into one space, each by a tower of its own. Parameters have the names
 * of Hugging Face's models; they are made uninitialised.
 */
export abstract class DualEncoder extends nn.Module {
  abstract readonly config: ModelConfig;
  abstract readonly text: TextTower;
  abstract readonly vision: VisionTower;
  abstract readonly logitScale: Tensor; // of one element
  /** Bias that some families add to all logits. */
  abstract readonly logitBias: Tensor | undefined;
  /**
   * Precision of both encoders. With `bf16`, weights and adapters stay as they are. Features come in the
   * dtype of the weights, so normalising them and losses are exact.
   */
  precision: Precision = "fp32";
  /** Notes of `loadModel` on what it took off, left out, or decided otherwise than a file says. */
  notes: readonly string[] = [];
  /**
   * Activation checkpoints of the blocks of both encoders, which compute the rest again in the backward pass.
   * Default: they keep their activations.
   */
  checkpoints: Checkpoints | undefined;

  constructor(readonly assets?: ModelAssets) {
    super();
  }

  get device(): Device {
    return this.logitScale.device;
  }

  get dtype(): DType {
    return this.logitScale.dtype;
  }

  /** @throws if the model has no tokenizer */
  get tokenizer(): Tokenizer {
    if (this.assets?.tokenizer !== undefined) return this.assets.tokenizer;
    throw new Error(
      this.assets?.noTokenizer ??
        "This model has no tokenizer: expected a tokenizer.json beside its weights. Load it with the option `tokenizer` (--tokenizer), or use encodeText.",
    );
  }

  /** @throws if the model was made without assets */
  get preprocessing(): Preprocessing {
    if (this.assets !== undefined) return this.assets.preprocessing;
    throw new Error(
      "This model has no preprocessing: it was made without assets. Pass assets from readAssets(directory).",
    );
  }

  /** Scale and bias of the logits, which methods leave alone. */
  get logitParameters(): readonly Tensor[] {
    return this.logitBias === undefined ? [this.logitScale] : [this.logitScale, this.logitBias];
  }

  /** @param pixels normalised, float `[B, 3, S, S]`   @returns `[B, embedDim]`, not normalised */
  encodeImage(pixels: Tensor): Tensor {
    return this.#encode(() => this.imageFeatures(pixels));
  }

  /**
   * @param ids `int64 [C, L]`, L at most the context length. As the tokenizer makes them: where the tower
   * reads padding, another length has other features
   * @param given `sharedPrefix`: how many leading ids are the same in all rows, as `encodePrompts` counts
   * them. They are computed once where that changes no feature by more than rounding
   * @returns `[C, embedDim]`, not normalised
   */
  encodeText(ids: Tensor, given: { readonly sharedPrefix?: number } = {}): Tensor {
    checkOptions(given, { sharedPrefix: true }, "encodeText");
    const { sharedPrefix = 0 } = given;
    return this.#encode(() => this.textFeatures(ids, { sharedPrefix, checkpoints: this.checkpoints }));
  }

  /**
   * Contrastive logits: `exp(logitScale) · I Tᵀ`, rows of `I` and `T` L2-normalised, plus the bias where the
   * family has one. arXiv:2103.00020, figure 3; arXiv:2303.15343, equation 1.
   * @param imageFeatures `[B, embedDim]`
   * @param textFeatures `[C, embedDim]`, same dtype and device
   * @returns `[B, C]`
   */
  logits(imageFeatures: Tensor, textFeatures: Tensor): Tensor {
    const images = nn.functional.normalize(imageFeatures);
    const texts = nn.functional.normalize(textFeatures);
    const scaled = images.mm(texts.t()).mul(this.logitScale.exp());
    return this.logitBias === undefined ? scaled : scaled.add(this.logitBias);
  }

  /**
   * Probabilities of the labels. Whether labels compete depends on how the family was trained.
   * @param logits `[B, C]`
   * @returns float32, the same shape
   */
  abstract probabilities(logits: Tensor): Tensor;

  /**
   * Zero-shot classification.
   * @param images `uint8 [B, 3, S, S]` from `preprocessing.preprocess`, or normalised floats
   * @returns probabilities `[B, labels]`: over the labels, or of each by itself where the family was trained
   * so
   */
  classify(images: Tensor, labels: readonly string[], options: ClassifyOptions = {}): Tensor {
    checkOptions(options, { template: true }, "classify");
    return scope(() =>
      noGrad(() => {
        const onDevice = images.to({ device: this.device });
        const pixels = onDevice.dtype === "uint8" ? this.preprocessing.normalise(onDevice) : onDevice;
        const texts = classFeatures(this, labels, options.template ?? defaultTemplate);
        return this.probabilities(this.logits(this.encodeImage(pixels), texts));
      }),
    );
  }

  /** The linear layers of the model's blocks: vision before text, and in each block qkv, o, fc, proj. */
  adaptableLayers(): AdaptableLayer[] {
    return adaptableLayers(this);
  }

  /** Features in the precision of the weights, or of autocast. @returns `[B, embedDim]` */
  protected abstract imageFeatures(pixels: Tensor): Tensor;

  /** @returns `[C, embedDim]` */
  protected abstract textFeatures(ids: Tensor, options: TextOptions): Tensor;

  #encode(features: () => Tensor): Tensor {
    if (this.precision === "fp32") return features();
    return autocast({ dtype: "bfloat16", device: this.device }, features).to({ dtype: this.dtype });
  }
}
