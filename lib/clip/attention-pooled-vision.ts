import { type Checkpoints, conv2d, empty, nn, type Tensor } from "../torch/index.js";
import { AttentionPooling } from "./attention-pooling.js";
import { checkPixels } from "./check-inputs.js";
import type { VisionConfig } from "./config.js";
import type { VisionTower } from "./towers.js";
import { Transformer } from "./transformer.js";

/**
 * SigLIP's vision transformer: all patches are read out, by a head that pools them with attention.
 * arXiv:2303.15343.
 */
export class AttentionPooledVision extends nn.Module implements VisionTower {
  readonly encoder: Transformer;
  readonly hasClassToken = false;
  private readonly patchWeight: Tensor; // [width, 3, P, P]
  private readonly patchBias: Tensor; // [width]
  private readonly positions: nn.Embedding;
  private readonly postNorm: nn.LayerNorm;
  private readonly head: AttentionPooling;

  constructor(
    private readonly config: VisionConfig,
    options: nn.ParameterOptions,
  ) {
    super();
    const { width, imageSize, patchSize, layerNormEps } = config;
    const patches = Math.floor(imageSize / patchSize) ** 2; // what is left beside them is not read
    const patchShape = [width, 3, patchSize, patchSize];
    const patchName = "embeddings.patch_embedding";
    this.patchWeight = this.registerParameter(`${patchName}.weight`, empty(patchShape, options));
    this.patchBias = this.registerParameter(`${patchName}.bias`, empty([width], options));
    this.positions = this.registerChild(
      "embeddings.position_embedding",
      new nn.Embedding(patches, width, options),
    );
    this.encoder = this.registerChild("encoder", new Transformer(config, false, options));
    this.postNorm = this.registerChild("post_layernorm", new nn.LayerNorm(width, layerNormEps, options));
    this.head = this.registerChild("head", new AttentionPooling(config, options));
  }

  /** @returns the output of the pooling head, `[B, width]` */
  forward(pixels: Tensor, checkpoints?: Checkpoints): Tensor {
    checkPixels(pixels, this.config);
    const tokens = this.embedPatches(pixels).add(this.positions.weight);
    const patches = this.encoder.forward(tokens, undefined, { checkpoints });
    return this.head.forward(this.postNorm.forward(patches));
  }

  embedPatches(pixels: Tensor): Tensor {
    const images = pixels.to({ dtype: this.patchWeight.dtype });
    const stride = this.config.patchSize;
    return conv2d(images, this.patchWeight, { bias: this.patchBias, stride }).flatten(2).transpose(1, 2);
  }
}
