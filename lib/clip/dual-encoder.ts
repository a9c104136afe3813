import { checkOptions } from "../options/index.js";
import {
  autocast,
  type Checkpoints,
  type Device,
  type DType,
  empty,
  nn,
  noGrad,
  scope,
  type Tensor,
} from "../torch/index.js";
import { type AdaptableLayer, adaptableLayers } from "./adaptable.js";
import type { ModelAssets } from "./assets.js";
import type { ClipConfig } from "./config.js";
import type { Preprocessing } from "./preprocessing.js";
import { classFeatures, defaultTemplate } from "./prompts.js";
import { TextTransformer } from "./text.js";
import type { Tokenizer } from "./tokenizer.js";
import { VisionTransformer } from "./vision.js";

export interface ClassifyOptions {
  /**
   * Prompts with `{}` where the label goes; the features of several are averaged. Default: `"a photo of a
   * {}."`.
   */
  readonly template?: string | readonly string[];
}

/**
 * What the encoders compute in: everything in the dtype of the weights, or matrix products and attention in
 * bfloat16.
 */
export type Precision = "fp32" | "bf16";

/** The precision that pays on a device: `bf16` on CUDA, `fp32` elsewhere. */
export function defaultPrecision(device: Device): Precision {
  return device.startsWith("cuda") ? "bf16" : "fp32";
}

/**
 * CLIP, arXiv:2103.00020. Parameters have the names of Hugging Face's `CLIPModel`; they are made
 * uninitialised.
 */
export class ClipModel extends nn.Module {
  readonly text: TextTransformer;
  readonly vision: VisionTransformer;
  readonly logitScale: Tensor; // []
  /**
   * Of both encoders. With `bf16` weights and adapters stay as they are, and so do features, which come in
   * the dtype of the weights: what is done with them, such as normalising and losses, is exact.
   */
  precision: Precision = "fp32";
  /** What `loadModel` took off, left out, or decided otherwise than a file says. */
  notes: readonly string[] = [];
  /**
   * Where the blocks of both encoders leave what they compute again in the backward pass. Default: they keep
   * their activations.
   */
  checkpoints: Checkpoints | undefined;
  private readonly textProjection: nn.Linear;
  private readonly visualProjection: nn.Linear;

  constructor(
    readonly config: ClipConfig,
    readonly assets?: ModelAssets,
    options: nn.ParameterOptions = {},
  ) {
    super();
    checkOptions(options, { device: true, dtype: true }, "ClipModel");
    const { text, vision, embedDim } = config;
    const projection = { ...options, bias: false };
    this.logitScale = this.registerParameter("logit_scale", empty([], options));
    this.text = this.registerChild("text_model", new TextTransformer(text, options));
    this.vision = this.registerChild("vision_model", new VisionTransformer(vision, options));
    this.visualProjection = this.registerChild(
      "visual_projection",
      new nn.Linear(vision.width, embedDim, projection),
    );
    this.textProjection = this.registerChild(
      "text_projection",
      new nn.Linear(text.width, embedDim, projection),
    );
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
      "This model has no tokenizer: expected a tokenizer.json beside its weights. Load it with the option `tokenizer`, or use encodeText.",
    );
  }

  /** @throws if the model was made without assets */
  get preprocessing(): Preprocessing {
    if (this.assets !== undefined) return this.assets.preprocessing;
    throw new Error(
      "This model has no preprocessing: it was made without assets. Pass assets from readAssets(directory).",
    );
  }

  /** @param pixels normalised, float `[B, 3, S, S]`   @returns `[B, embedDim]`, not normalised */
  encodeImage(pixels: Tensor): Tensor {
    return this.#encode(() => this.visualProjection.forward(this.vision.forward(pixels, this.checkpoints)));
  }

  /**
   * @param ids `int64 [C, L]`, L at most the context length
   * @param given `sharedPrefix`: how many leading ids are the same in all rows, as `encodePrompts` counts
   * them. They are computed once, which changes no feature by more than rounding
   * @returns `[C, embedDim]`, not normalised
   */
  encodeText(ids: Tensor, given: { readonly sharedPrefix?: number } = {}): Tensor {
    checkOptions(given, { sharedPrefix: true }, "encodeText");
    const { sharedPrefix = 0 } = given;
    const options = { sharedPrefix, checkpoints: this.checkpoints };
    return this.#encode(() => this.textProjection.forward(this.text.forward(ids, options)));
  }

  /**
   * Contrastive logits: `exp(logitScale) · I Tᵀ`, rows of `I` and `T` L2-normalised. arXiv:2103.00020, figure
   * 3.
   * @param imageFeatures `[B, embedDim]`
   * @param textFeatures `[C, embedDim]`, same dtype and device
   * @returns `[B, C]`
   */
  logits(imageFeatures: Tensor, textFeatures: Tensor): Tensor {
    const images = nn.functional.normalize(imageFeatures);
    const texts = nn.functional.normalize(textFeatures);
    return images.mm(texts.t()).mul(this.logitScale.exp());
  }

  /**
   * Zero-shot classification.
   * @param images `uint8 [B, 3, S, S]` from `preprocessing.preprocess`, or normalised floats
   * @returns probabilities `[B, labels]`
   */
  classify(images: Tensor, labels: readonly string[], options: ClassifyOptions = {}): Tensor {
    checkOptions(options, { template: true }, "classify");
    return scope(() =>
      noGrad(() => {
        const onDevice = images.to({ device: this.device });
        const pixels = onDevice.dtype === "uint8" ? this.preprocessing.normalise(onDevice) : onDevice;
        const texts = classFeatures(this, labels, options.template ?? defaultTemplate);
        return this.logits(this.encodeImage(pixels), texts).float().softmax(-1);
      }),
    );
  }

  /** The linear layers of the model's blocks: vision before text, and in each block qkv, o, fc, proj. */
  adaptableLayers(): AdaptableLayer[] {
    return adaptableLayers(this);
  }

  #encode(features: () => Tensor): Tensor {
    if (this.precision === "fp32") return features();
    return autocast({ dtype: "bfloat16", device: this.device }, features).to({ dtype: this.dtype });
  }
}
