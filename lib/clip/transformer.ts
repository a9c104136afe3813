import { type Checkpoints, nn, scope, type Tensor } from "../torch/index.js";
import { Attention, type AttentionOptions, type Mix, type Select } from "./attention.js";
import type { TransformerConfig } from "./config.js";

/** The feed-forward half of a block. */
export class Mlp extends nn.Module {
  readonly fc1: nn.Linear;
  readonly fc2: nn.Linear;
  private readonly activation: nn.Activation;

  constructor({ width, mlpWidth, activation }: TransformerConfig, options: nn.ParameterOptions) {
    super();
    this.fc1 = this.registerChild("fc1", new nn.Linear(width, mlpWidth, options));
    this.fc2 = this.registerChild("fc2", new nn.Linear(mlpWidth, width, options));
    this.activation = activation;
  }

  /** @param x `[..., width]`   @returns the same shape */
  forward(x: Tensor): Tensor {
    return this.fc2.forwardActivated(this.fc1.forward(x), this.activation);
  }
}

/** The class token of an image, or the start token of a text: `[B, L, width]` to `[B, width]`. */
export const firstPosition: Select = (x) => x.select(1, 0);

/** Adds to the output of a block, such as a mixture of experts beside its feed-forward half. */
export interface BlockAdapter {
  /**
   * The adapter reads each position together with the first one of its sequence only. The block may then
   * skip positions that are not read out, and compute a shared beginning once, as without an adapter.
   */
  readonly isPositionwise: boolean;
  /**
   * @param attended input of the feed-forward half before its norm: `[B, L, width]`, or `[N, width]` where
   *   only positions that are read out are computed
   * @param at the same of other positions
   * @param pool picks the position of each sequence that the tower reads out
   * @returns the shape of `attended`
   */
  forward(attended: Tensor, at: (positions: Select) => Tensor, pool: Select): Tensor;
}

export interface BlockOptions extends AttentionOptions {
  /** Picks what the tower reads out in the end, for adapters. Default: the first position. */
  readonly pool?: Select;
}

/** A pre-LN transformer block. */
export class Block extends nn.Module {
  adapter: BlockAdapter | undefined;
  readonly attention: Attention;
  readonly mlp: Mlp;
  private readonly norm1: nn.LayerNorm;
  private readonly norm2: nn.LayerNorm;

  constructor(config: TransformerConfig, isCausal: boolean, options: nn.ParameterOptions) {
    super();
    const { width, layerNormEps } = config;
    this.norm1 = this.registerChild("layer_norm1", new nn.LayerNorm(width, layerNormEps, options));
    this.attention = this.registerChild("self_attn", new Attention(config, isCausal, options));
    this.norm2 = this.registerChild("layer_norm2", new nn.LayerNorm(width, layerNormEps, options));
    this.mlp = this.registerChild("mlp", new Mlp(config, options));
  }

  /** The block may skip positions that are not read out, and compute a shared beginning once. */
  get isPositionwise(): boolean {
    const { qkv, out } = this.attention;
    const adapters = [this.adapter, ...[qkv, out, this.mlp.fc1, this.mlp.fc2].map(({ adapter }) => adapter)];
    return adapters.every((adapter) => adapter?.isPositionwise ?? true);
  }

  /** @param x `[B, L, width]`   @returns the same shape, or that of the positions that `select` picks */
  forward(x: Tensor, { select, mix, pool = firstPosition }: BlockOptions = {}): Tensor {
    const { adapter } = this;
    if (select !== undefined && !this.isPositionwise) return select(this.forward(x, { mix, pool }));
    const attend = (positions: Select = (all) => all): Tensor =>
      positions(x).add(this.attention.forward(this.norm1.forward(x), { select: positions, mix }));
    const attended = attend(select);
    const output = attended.add(this.mlp.forward(this.norm2.forward(attended)));
    if (adapter === undefined) return output;
    const at = (positions: Select): Tensor => {
      if (select === undefined) return positions(attended);
      return positions === select ? attended : attend(positions);
    };
    return output.add(adapter.forward(attended, at, pool));
  }
}

export interface TransformerOptions {
  /** Default: attention in each of the B sequences. */
  readonly mix?: Mix;
  /** Makes each block compute its activations again in the backward pass. */
  readonly checkpoints?: Checkpoints;
}

/** The blocks of one tower. */
export class Transformer extends nn.Module {
  readonly blocks: readonly Block[];

  constructor(config: TransformerConfig, isCausal: boolean, options: nn.ParameterOptions) {
    super();
    this.blocks = Array.from({ length: config.layers }, (_, layer) =>
      this.registerChild(`layers.${layer}`, new Block(config, isCausal, options)),
    );
  }

  /**
   * Passes `x` through all blocks. If `pool` reads one position, the last block computes its output
   * projection and feed-forward half for that one only.
   * @param x `[B, L, width]`
   * @param pool picks the positions to read: `[B, L, width]` to `[N, width]`. `undefined`: all are read
   * @returns `[N, width]`, or the shape of `x`
   */
  forward(x: Tensor, pool: Select | undefined, { mix, checkpoints }: TransformerOptions = {}): Tensor {
    const last = this.blocks.at(-1);
    return this.blocks.reduce((hidden, block) => {
      const forward = (input: Tensor): Tensor =>
        block.forward(input, { mix, pool, select: block === last ? pool : undefined });
      // The scope frees at once what the backward pass will not read.
      return checkpoints === undefined ? scope(() => forward(hidden)) : checkpoints.run(hidden, forward);
    }, x);
  }
}
