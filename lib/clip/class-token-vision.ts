import { type Checkpoints, cat, conv2d, empty, nn, type Tensor } from "../torch/index.js";
import type { VisionConfig } from "./config.js";
import { firstPosition, Transformer } from "./transformer.js";

/** CLIP's vision transformer, up to the projection. */
export class VisionTransformer extends nn.Module {
  readonly encoder: Transformer;
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

  /**
   * @param pixels normalised, float `[B, 3, S, S]`
   * @returns `[B, width]`
   * @throws if S is not the model's image size
   */
  forward(pixels: Tensor, checkpoints?: Checkpoints): Tensor {
    const { width, imageSize } = this.config;
    const [batch, ...shape] = pixels.shape as [number, ...number[]];
    if (shape.join() !== [3, imageSize, imageSize].join()) {
      const expected = `[batch, 3, ${imageSize}, ${imageSize}]`;
      throw new RangeError(
        `encodeImage: expected pixels ${expected}, got [${pixels.shape.join(", ")}]. Preprocess the images first.`,
      );
    }
    const patches = this.embedPatches(pixels);
    const tokens = cat([this.classEmbedding.expand([batch, 1, width]), patches], 1).add(
      this.positions.weight,
    );
    const pooled = this.encoder.forward(this.preNorm.forward(tokens), firstPosition, { checkpoints });
    return this.postNorm.forward(pooled);
  }

  /**
   * The embedding of each patch, without its position.
   * @param pixels `[B, 3, S, S]`
   * @returns `[B, N, width]`
   */
  embedPatches(pixels: Tensor): Tensor {
    const images = pixels.to({ dtype: this.patchWeight.dtype });
    return conv2d(images, this.patchWeight, { stride: this.config.patchSize }).flatten(2).transpose(1, 2);
  }
}
