import { checkOptions } from "../options/index.js";
import { empty, type nn, type Tensor } from "../torch/index.js";
import type { ModelAssets } from "./assets.js";
import { AttentionPooledVision } from "./attention-pooled-vision.js";
import { BidirectionalText } from "./bidirectional-text.js";
import type { SiglipConfig } from "./config.js";
import { DualEncoder } from "./dual-encoder.js";
import type { TextOptions } from "./towers.js";

/**
 * SigLIP, arXiv:2303.15343, and SigLIP 2 for images of one size, arXiv:2502.14786. Parameters have the names
 * of Hugging Face's `SiglipModel`.
 */
export class SiglipModel extends DualEncoder {
  readonly text: BidirectionalText;
  readonly vision: AttentionPooledVision;
  readonly logitScale: Tensor; // [1]
  readonly logitBias: Tensor; // [1]

  constructor(
    readonly config: SiglipConfig,
    assets?: ModelAssets,
    options: nn.ParameterOptions = {},
  ) {
    super(assets);
    checkOptions(options, { device: true, dtype: true }, "SiglipModel");
    const { text, vision, embedDim } = config;
    this.logitScale = this.registerParameter("logit_scale", empty([1], options));
    this.logitBias = this.registerParameter("logit_bias", empty([1], options));
    this.text = this.registerChild("text_model", new BidirectionalText(text, embedDim, options));
    this.vision = this.registerChild("vision_model", new AttentionPooledVision(vision, options));
  }

  /** A sigmoid of each logit: labels do not compete, and their probabilities need not add up to 1. */
  probabilities(logits: Tensor): Tensor {
    return logits.float().sigmoid();
  }

  protected imageFeatures(pixels: Tensor): Tensor {
    return this.vision.forward(pixels, this.checkpoints);
  }

  protected textFeatures(ids: Tensor, options: TextOptions): Tensor {
    return this.text.forward(ids, options);
  }
}
