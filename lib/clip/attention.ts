import { nn, ones, type Tensor } from "../torch/index.js";
import type { TransformerConfig } from "./config.js";

/** Picks positions of a sequence: `[B, L, width]` to `[..., width]`. */
export type Select = (x: Tensor) => Tensor;

/**
 * Lets the positions of sequences read each other: `[B, L, 3 · width]` to `[B, L, width]`.
 * @param qkv queries, keys and values side by side
 */
export type Mix = (qkv: Tensor, heads: number) => Tensor;

/** How a forward pass differs from the plain one. */
export interface AttentionOptions {
  /** Which positions are wanted, after mixing. Default: all. */
  readonly select?: Select;
  /** Default: scaled dot-product attention in each of the B sequences. */
  readonly mix?: Mix;
}

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

  /** @param x `[B, L, width]`   @returns the same shape, or what `select` picks of it */
  forward(x: Tensor, { select = (mixed) => mixed, mix = this.mix }: AttentionOptions = {}): Tensor {
    return this.out.forward(select(mix(this.qkv.forward(x), this.heads)));
  }

  private readonly mix: Mix = (qkv, heads) => {
    const [q, k, v] = splitHeads(qkv, heads);
    return joinHeads(attend(q, k, v, { isCausal: this.isCausal }));
  };
}

/** @param qkv `[B, L, 3 · width]`   @returns q, k and v, `[B, heads, L, width / heads]` each */
export function splitHeads(qkv: Tensor, heads: number): [q: Tensor, k: Tensor, v: Tensor] {
  return qkv.chunk(3, -1).map((part) => toHeads(part, heads)) as [Tensor, Tensor, Tensor];
}

/** @param x `[B, L, width]`   @returns `[B, heads, L, width / heads]`, a view */
export function toHeads(x: Tensor, heads: number): Tensor {
  const [batch, length, width] = x.shape as [number, number, number];
  return x.view([batch, length, heads, width / heads]).transpose(1, 2);
}

/** @param mixed `[B, heads, L, D]`   @returns `[B, L, heads · D]` */
export function joinHeads(mixed: Tensor): Tensor {
  return mixed.transpose(1, 2).flatten(2);
}

/**
 * Scaled dot-product attention: `softmax(q kᵀ / √D) v`, "Attention Is All You Need", arXiv:1706.03762, eq. 1.
 * @param q `[B, heads, L, D]`   @param k and v `[B, heads, S, D]`
 * @param options `isCausal`: a position reads itself and those before; `mask`: which positions one may read,
 * bool `[L, S]`
 * @returns `[B, heads, L, D]`
 */
export function attend(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { isCausal = false, mask }: { isCausal?: boolean; mask?: Tensor } = {},
): Tensor {
  const isHalf = q.dtype === "bfloat16" || q.dtype === "float16";
  if (q.device !== "cpu" || !isHalf) {
    return nn.functional.scaledDotProductAttention(q, k, v, { isCausal, attnMask: mask });
  }
  // In 16 bits libtorch's fused kernel for processors is slower than its parts: see bench/README.md.
  const [length, depth] = q.shape.slice(-2) as [number, number];
  const scores = q.mul(1 / Math.sqrt(depth)).matmul(k.transpose(-2, -1)); // [B, heads, L, S]
  const visible = isCausal ? ones([length, length], { dtype: "bool" }).tril() : mask;
  const masked = visible === undefined ? scores : scores.maskedFill(visible.logicalNot(), -Infinity);
  return masked.softmax(-1).matmul(v);
}
