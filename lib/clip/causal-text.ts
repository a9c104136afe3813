import { arange, type Checkpoints, nn, type Tensor, tensor } from "../torch/index.js";
import type { Select } from "./attention.js";
import { checkIds } from "./check-inputs.js";
import { type ClipTextConfig, highestTokenId } from "./config.js";
import { SharedPrefix } from "./shared-prefix.js";
import type { TextOptions, TextTower } from "./towers.js";
import { Transformer } from "./transformer.js";

/** Numbers per layer, below which leaving out padding costs more than it saves. */
const worthwhile = 2 ** 16;

/** CLIP's causal text transformer, up to the projection. */
export class CausalText extends nn.Module implements TextTower {
  readonly encoder: Transformer;
  private readonly tokens: nn.Embedding;
  private readonly positions: nn.Embedding;
  private readonly finalNorm: nn.LayerNorm;

  constructor(
    private readonly config: ClipTextConfig,
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

  /** @returns the output at the end token, `[C, width]` */
  forward(ids: Tensor, { sharedPrefix = 0, checkpoints }: TextOptions = {}): Tensor {
    checkIds(ids, this.config, sharedPrefix);
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
    const ends = this.endOfText(ids).sub(prefix); // [C], among the remaining positions
    const lengths = this.worthwhileLengths(ends, rest);
    const kept =
      lengths && int64(lengths.flatMap((n, i) => Array.from({ length: n }, (_, at) => i * rest + at)));
    const packing = new SharedPrefix(prefix, count, rest, ids.device, kept);
    const beginning = this.embed(ids.narrow(0, 0, 1).narrow(1, 0, prefix), 0);
    const packed = packing.pack(beginning, this.embed(ids.narrow(1, prefix, rest), prefix));
    const starts = lengths ? int64(sumsBefore(lengths)) : arange(count, { device: ids.device }).mul(rest);
    const index = starts.add(ends).add(prefix); // [C], in packed positions
    const end: Select = (x) => x.squeeze(0).indexSelect(0, index);
    return this.encoder.forward(packed, end, { mix: packing.mix, checkpoints });
  }

  /**
   * The number of remaining positions that each text reads, up to its end. `undefined` if leaving out the
   * others would not pay, or reading them back would wait for a GPU.
   */
  private worthwhileLengths(ends: Tensor, rest: number): number[] | undefined {
    const { width } = this.config;
    if (ends.device !== "cpu" || ends.numel() * rest * width < worthwhile) return undefined;
    const lengths = (ends.toArray() as bigint[]).map((end) => Number(end) + 1);
    const padding = lengths.reduce((sum, length) => sum + rest - length, 0);
    const pays = padding * width >= worthwhile && lengths.every((length) => length > 0);
    return pays ? lengths : undefined;
  }

  /** @param ids `[C, L]`, at positions from `start`   @returns `[C, L, width]` */
  private embed(ids: Tensor, start: number): Tensor {
    return this.tokens.forward(ids).add(this.positions.weight.narrow(0, start, ids.size(1)));
  }

  /** Position of the end of each text, `[C]`: the first of several end tokens. */
  private endOfText(ids: Tensor): Tensor {
    const { endTokenId } = this.config;
    const scores = endTokenId === highestTokenId ? ids : ids.eq(endTokenId).to({ dtype: "int32" });
    return scores.argmax(-1);
  }
}

function int64(values: readonly number[]): Tensor {
  return tensor([...values], { dtype: "int64" });
}

/** The sum of the values before each one. */
function sumsBefore(values: readonly number[]): number[] {
  let sum = 0;
  return values.map((value) => {
    sum += value;
    return sum - value;
  });
}
