import { nn, type Tensor } from "../torch/index.js";
import type { TransformerConfig } from "./config.js";

/** Multi-head self-attention; q, k and v are one matrix product. */
export class Attention extends nn.Module {
  readonly qkv: nn.StackedLinear;
  readonly out: nn.Linear;
  private readonly heads: number;

  constructor(
    { width, heads }: TransformerConfig,
    private readonly isCausal: boolean,
    options: nn.ParameterOptions,
  ) {
    super();
    this.heads = heads;
    const parts = ["q_proj", "k_proj", "v_proj"];
    this.qkv = this.registerChild("qkv_proj", new nn.StackedLinear(width, width, parts, options));
    this.out = this.registerChild("out_proj", new nn.Linear(width, width, options));
  }

  /**
   * @param x `[B, L, width]`
   * @param select picks the positions whose result is wanted, after mixing: `[B, L, width]` to `[..., width]`
   * @returns what `select` returns, projected
   */
  forward(x: Tensor, select: Select = all): Tensor {
    const [batch, length, width] = x.shape as [number, number, number];
    const heads = [batch, length, this.heads, width / this.heads];
    const [q, k, v] = this.qkv
      .forward(x)
      .chunk(3, -1)
      .map((part) => part.view(heads).transpose(1, 2)) as [Tensor, Tensor, Tensor]; // [B, heads, L, D]
    const mixed = nn.functional.scaledDotProductAttention(q, k, v, { isCausal: this.isCausal });
    return this.out.forward(select(mixed.transpose(1, 2).reshape([batch, length, width])));
  }
}

/** Picks positions of a sequence: `[B, L, width]` to `[..., width]`. */
export type Select = (x: Tensor) => Tensor;

const all: Select = (x) => x;
