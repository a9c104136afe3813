import { empty, nn, type Tensor } from "../torch/index.js";
import { attend, joinHeads, toHeads } from "./attention.js";
import type { TransformerConfig } from "./config.js";
import { Mlp } from "./transformer.js";

/**
 * Reads images out with one learned query, the probe p: `h = Attention(p, x, x)`, `h + MLP(LayerNorm(h))`.
 * Scaling Vision Transformers, arXiv:2106.04560, section 3.2; names as in Hugging Face's
 * `SiglipMultiheadAttentionPoolingHead`.
 */
export class AttentionPooling extends nn.Module {
  private readonly probe: Tensor; // [1, 1, width]
  private readonly attention: ProbeAttention;
  private readonly norm: nn.LayerNorm;
  private readonly mlp: Mlp;

  constructor(config: TransformerConfig, options: nn.ParameterOptions) {
    super();
    const { width, layerNormEps } = config;
    this.probe = this.registerParameter("probe", empty([1, 1, width], options));
    this.attention = this.registerChild("attention", new ProbeAttention(config, options));
    this.norm = this.registerChild("layernorm", new nn.LayerNorm(width, layerNormEps, options));
    this.mlp = this.registerChild("mlp", new Mlp(config, options));
  }

  /** @param x `[B, L, width]`   @returns `[B, width]` */
  forward(x: Tensor): Tensor {
    const attended = this.attention.forward(this.probe, x);
    return attended.add(this.mlp.forward(this.norm.forward(attended)));
  }
}

/** Multi-head attention of one query that all images share; q, k and v lie in one matrix, as in PyTorch. */
class ProbeAttention extends nn.Module {
  private readonly weight: Tensor; // [3 · width, width]
  private readonly bias: Tensor; // [3 · width]
  private readonly out: nn.Linear;
  private readonly heads: number;

  constructor({ width, heads }: TransformerConfig, options: nn.ParameterOptions) {
    super();
    this.heads = heads;
    this.weight = this.registerParameter("in_proj_weight", empty([3 * width, width], options));
    this.bias = this.registerParameter("in_proj_bias", empty([3 * width], options));
    this.out = this.registerChild("out_proj", new nn.Linear(width, width, options));
  }

  /** @param probe `[1, 1, width]`   @param x `[B, L, width]`   @returns `[B, width]` */
  forward(probe: Tensor, x: Tensor): Tensor {
    const width = x.size(-1);
    const project = (from: Tensor, start: number, count: number): Tensor =>
      nn.functional.linear(from, this.weight.narrow(0, start, count), this.bias.narrow(0, start, count));
    const q = toHeads(project(probe, 0, width), this.heads).expand([x.size(0), -1, -1, -1]);
    const [k, v] = project(x, width, 2 * width)
      .chunk(2, -1)
      .map((part) => toHeads(part, this.heads)) as [Tensor, Tensor];
    const mixed = attend(q, k, v); // [B, heads, 1, D]
    return this.out.forward(joinHeads(mixed).squeeze(1));
  }
}
