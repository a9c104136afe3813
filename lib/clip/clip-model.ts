import { checkOptions } from "../options/index.js";
import { empty, nn, type Tensor } from "../torch/index.js";
import type { ModelAssets } from "./assets.js";
import { CausalText } from "./causal-text.js";
import { ClassTokenVision } from "./class-token-vision.js";
import type { ClipConfig } from "./config.js";
import { DualEncoder } from "./dual-encoder.js";
import type { TextOptions } from "./towers.js";

/** CLIP, arXiv:2103.00020. Parameters have the names of Hugging Face's `CLIPModel`. */
export class ClipModel extends DualEncoder {
  readonly text: CausalText;
  readonly vision: ClassTokenVision;
  readonly logitScale: Tensor; // []
  readonly logitBias = undefined;
  private readonly textProjection: nn.Linear;
  private readonly visualProjection: nn.Linear;

  constructor(
    readonly config: ClipConfig,
    assets?: ModelAssets,
    options: nn.ParameterOptions = {},
  ) {
    super(assets);
    checkOptions(options, { device: true, dtype: true }, "ClipModel");
    const { text, vision, embedDim } = config;
    const projection = { ...options, bias: false };
    this.logitScale = this.registerParameter("logit_scale", empty([], options));
    this.text = this.registerChild("text_model", new CausalText(text, options));
    this.vision = this.registerChild("vision_model", new ClassTokenVision(vision, options));
    this.visualProjection = this.registerChild(
      "visual_projection",
      new nn.Linear(vision.width, embedDim, projection),
    );
    this.textProjection = this.registerChild(
      "text_projection",
      new nn.Linear(text.width, embedDim, projection),
    );
  }

  /** Softmax over the labels. */
  probabilities(logits: Tensor): Tensor {
    return logits.float().softmax(-1);
  }

  protected imageFeatures(pixels: Tensor): Tensor {
    return this.visualProjection.forward(this.vision.forward(pixels, this.checkpoints));
  }

  protected textFeatures(ids: Tensor, options: TextOptions): Tensor {
    return this.textProjection.forward(this.text.forward(ids, options));
  }
}
