import { arange, type Checkpoints, nn, type Tensor } from "../torch/index.js";
import type { Select } from "./attention.js";
import { highestTokenId, type TextConfig } from "./config.js";
import { SharedPrefix } from "./shared-prefix.js";
import { Transformer } from "./transformer.js";

export interface TextOptions {
  /**
   * How many leading ids are the same in all rows, and before the end of each: computed once for all rows.
   * Default: 0.
   */
  readonly sharedPrefix?: number;
  readonly checkpoints?: Checkpoints;
}

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

  /**
   * @param ids `int64 [C, L]`, L at most the context length
   * @returns `[C, width]`
   * @throws if L is larger, or the prefix as long
   */
  forward(ids: Tensor, { sharedPrefix = 0, checkpoints }: TextOptions = {}): Tensor {
    this.check(ids, sharedPrefix);
    const canShare = this.encoder.blocks.every(({ isPositionwise }) => isPositionwise);
    const pooled =
      sharedPrefix > 0 && ids.size(0) > 1 && canShare
        ? this.encodePacked(ids, sharedPrefix, checkpoints)
        : this.encodeRows(ids, checkpoints);
    return this.finalNorm.forward(pooled);
  }

  private encodeRows(ids: Tensor, checkpoints?: Checkpoints): Tensor {
    const index = this.endOfText(ids).view([-1, 1, 1]).expand([-1, 1, this.config.width]);
    const end: Select = (x) => x.gather(1, index).squeeze(1);
    return this.encoder.forward(this.embed(ids, 0), end, { checkpoints });
  }

  private encodePacked(ids: Tensor, prefix: number, checkpoints?: Checkpoints): Tensor {
    const [count, length] = ids.shape as [number, number];
    const rest = length - prefix;
    const packing = new SharedPrefix(prefix, count, rest, ids.device);
    const beginning = this.embed(ids.narrow(0, 0, 1).narrow(1, 0, prefix), 0);
    const packed = packing.pack(beginning, this.embed(ids.narrow(1, prefix, rest), prefix));
    const index = arange(count, { device: ids.device }).mul(rest).add(this.endOfText(ids)); // [C], in packed positions
    const end: Select = (x) => x.squeeze(0).indexSelect(0, index);
    return this.encoder.forward(packed, end, { mix: packing.mix, checkpoints });
  }

  /** @param ids `[C, L]`, at positions from `start`   @returns `[C, L, width]` */
  private embed(ids: Tensor, start: number): Tensor {
    return this.tokens.forward(ids).add(this.positions.weight.narrow(0, start, ids.size(1)));
  }

  /** Where each text ends: the first of several end tokens, `[C]`. */
  private endOfText(ids: Tensor): Tensor {
    const { endTokenId } = this.config;
    const scores = endTokenId === highestTokenId ? ids : ids.eq(endTokenId).to({ dtype: "int32" });
    return scores.argmax(-1);
  }

  private check(ids: Tensor, sharedPrefix: number): void {
    const { contextLength } = this.config;
    const length = ids.size(-1);
    if (ids.dim() !== 2 || length > contextLength) {
      throw new RangeError(
        `encodeText: expected ids [texts, at most ${contextLength}], got [${ids.shape.join(", ")}]. Truncate with the tokenizer.`,
      );
    }
    if (!(sharedPrefix >= 0 && sharedPrefix < length)) {
      throw new RangeError(
        `encodeText: expected a shared prefix shorter than the ${length} ids of a text, got ${sharedPrefix}. Take it from encodePrompts.`,
      );
    }
  }
}
