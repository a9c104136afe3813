import { type Checkpoints, cat, conv2d, empty, nn, type Tensor } from "../torch/index.js";
import { checkPixels } from "./check-inputs.js";
import type { VisionConfig } from "./config.js";
import type { VisionTower } from "./towers.js";
import { firstPosition, Transformer } from "./transformer.js";

/** CLIP's vision transformer, up to the projection: a class token is read out. */
export class ClassTokenVision extends nn.Module implements VisionTower {
  readonly encoder: Transformer;
  readonly hasClassToken = true;
  private readonly patchWeight: Tensor; // [width, 3, P, P]
  private readonly classEmbedding: Tensor; // [width]
  private readonly positions: nn.Embedding;
  private readonly preNorm: nn.LayerNorm;
  private readonly postNorm: nn.LayerNorm;

  constructor(
    private readonly config: VisionConfig,
    options: nn.ParameterOptions,
  ) {
    super();
    const { width, imageSize, patchSize, layerNormEps } = config;
    const positions = Math.floor(imageSize / patchSize) ** 2 + 1; // what is left beside the patches is not read
    const patchShape = [width, 3, patchSize, patchSize];
    this.classEmbedding = this.registerParameter("embeddings.class_embedding", empty([width], options));
    this.patchWeight = this.registerParameter(
      "embeddings.patch_embedding.weight",
      empty(patchShape, options),
    );
    this.positions = this.registerChild(
      "embeddings.position_embedding",
      new nn.Embedding(positions, width, options),
    );
    this.preNorm = this.registerChild("pre_layrnorm", new nn.LayerNorm(width, layerNormEps, options)); // sic, as published
    this.encoder = this.registerChild("encoder", new Transformer(config, false, options));
    this.postNorm = this.registerChild("post_layernorm", new nn.LayerNorm(width, layerNormEps, options));
  }

  /** @returns the output at the class token, `[B, width]` */
  forward(pixels: Tensor, checkpoints?: Checkpoints): Tensor {
    checkPixels(pixels, this.config);
    const [batch, width] = [pixels.size(0), this.config.width];
    const patches = this.embedPatches(pixels);
    const tokens = cat([this.classEmbedding.expand([batch, 1, width]), patches], 1).add(
      this.positions.weight,
    );
    const pooled = this.encoder.forward(this.preNorm.forward(tokens), firstPosition, { checkpoints });
    return this.postNorm.forward(pooled);
  }

  embedPatches(pixels: Tensor): Tensor {
    const images = pixels.to({ dtype: this.patchWeight.dtype });
    return conv2d(images, this.patchWeight, { stride: this.config.patchSize }).flatten(2).transpose(1, 2);
  }
}
