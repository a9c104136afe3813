import { type Checkpoints, nn, scope, type Tensor } from "../torch/index.js";
import { Attention, type AttentionOptions, type Mix, type Select } from "./attention.js";
import type { TransformerConfig } from "./config.js";

/** The feed-forward half of a block. */
export class Mlp extends nn.Module {
  readonly fc1: nn.Linear;
  readonly fc2: nn.Linear;
  private readonly activation: (x: Tensor) => Tensor;

  constructor({ width, mlpWidth, activation }: TransformerConfig, options: nn.ParameterOptions) {
    super();
    this.fc1 = this.registerChild("fc1", new nn.Linear(width, mlpWidth, options));
    this.fc2 = this.registerChild("fc2", new nn.Linear(mlpWidth, width, options));
    this.activation = activation === "gelu" ? nn.functional.gelu : nn.functional.quickGelu;
  }

  /** @param x `[..., width]`   @returns the same shape */
  forward(x: Tensor): Tensor {
    return this.fc2.forward(this.activation(this.fc1.forward(x)));
  }
}

/** Adds to the output of a block, such as a mixture of experts beside its feed-forward half. */
export interface BlockAdapter {
  /** @param attended what the feed-forward half reads, before its norm, `[B, L, width]`   @returns the same shape */
  forward(attended: Tensor): Tensor;
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

  /** @param x `[B, L, width]`   @returns the same shape, or that of the positions that `select` picks */
  forward(x: Tensor, { select, mix }: AttentionOptions = {}): Tensor {
    if (this.adapter !== undefined && select !== undefined) return select(this.forward(x, { mix })); // it may read any position
    const residual = select === undefined ? x : select(x);
    const attended = residual.add(this.attention.forward(this.norm1.forward(x), { select, mix }));
    const output = attended.add(this.mlp.forward(this.norm2.forward(attended)));
    return this.adapter === undefined ? output : output.add(this.adapter.forward(attended));
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
   * CLIP reads out one position, so the last block computes its output projection and feed-forward half for that one only.
   * @param x `[B, L, width]`
   * @param pool picks the positions to read: `[B, L, width]` to `[N, width]`
   * @returns `[N, width]`
   */
  forward(x: Tensor, pool: Select, { mix, checkpoints }: TransformerOptions = {}): Tensor {
    const last = this.blocks.at(-1);
    return this.blocks.reduce((hidden, block) => {
      const forward = (input: Tensor): Tensor =>
        block.forward(input, { mix, select: block === last ? pool : undefined });
      // The scope frees at once what the backward pass will not read.
      return checkpoints === undefined ? scope(() => forward(hidden)) : checkpoints.run(hidden, forward);
    }, x);
  }
}
