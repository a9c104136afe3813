import { nn, type Tensor } from "../torch/index.js";
import type { Select } from "./attention.js";
import { highestTokenId, type TextConfig } from "./config.js";
import { Transformer } from "./transformer.js";

/** CLIP's causal text transformer, up to the projection. */
export class TextTransformer extends nn.Module {
  readonly encoder: Transformer;
  private readonly tokens: nn.Embedding;
  private readonly positions: nn.Embedding;
  private readonly finalNorm: nn.LayerNorm;

  constructor(
    private readonly config: TextConfig,
    options: nn.ParameterOptions,
  ) {
    super();
    const { width, vocabSize, contextLength, layerNormEps } = config;
    this.tokens = this.registerChild(
      "embeddings.token_embedding",
      new nn.Embedding(vocabSize, width, options),
    );
    this.positions = this.registerChild(
      "embeddings.position_embedding",
      new nn.Embedding(contextLength, width, options),
    );
    this.encoder = this.registerChild("encoder", new Transformer(config, true, options));
    this.finalNorm = this.registerChild("final_layer_norm", new nn.LayerNorm(width, layerNormEps, options));
  }

  /** @param ids `int64 [C, L]`, L at most the context length   @returns `[C, width]`   @throws if L is larger */
  forward(ids: Tensor): Tensor {
    const { contextLength } = this.config;
    const length = ids.size(-1);
    if (ids.dim() !== 2 || length > contextLength) {
      throw new RangeError(
        `encodeText: expected ids [texts, at most ${contextLength}], got [${ids.shape.join(", ")}]. Truncate with the tokenizer.`,
      );
    }
    const embedded = this.tokens.forward(ids).add(this.positions.weight.narrow(0, 0, length)); // [C, L, width]
    return this.finalNorm.forward(this.encoder.forward(embedded, this.endOfText(ids)));
  }

  private endOfText(ids: Tensor): Select {
    const { endTokenId, width } = this.config;
    const scores = endTokenId === highestTokenId ? ids : ids.eq(endTokenId).to({ dtype: "int32" });
    const index = scores.argmax(-1).view([-1, 1, 1]).expand([-1, 1, width]); // the first of equal ones
    return (x) => x.gather(1, index).squeeze(1);
  }
}
