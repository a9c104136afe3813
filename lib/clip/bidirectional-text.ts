import { nn, type Tensor } from "../torch/index.js";
import type { Select } from "./attention.js";
import { checkIds } from "./check-inputs.js";
import type { TextConfig } from "./config.js";
import type { TextOptions, TextTower } from "./towers.js";
import { Transformer } from "./transformer.js";

const lastPosition: Select = (x) => x.select(1, -1);

/**
 * SigLIP's text transformer: every position reads all others, padding included, and the last one is read out
 * through a linear head. Sigmoid Loss for Language Image Pre-Training, arXiv:2303.15343.
 */
export class BidirectionalText extends nn.Module implements TextTower {
  readonly encoder: Transformer;
  private readonly tokens: nn.Embedding;
  private readonly positions: nn.Embedding;
  private readonly finalNorm: nn.LayerNorm;
  private readonly head: nn.Linear;

  constructor(
    private readonly config: TextConfig,
    embedDim: number,
    options: nn.ParameterOptions,
  ) {
    super();
    const { width, vocabSize, contextLength, layerNormEps } = config;
    const table = (name: string, rows: number): nn.Embedding =>
      this.registerChild(`embeddings.${name}_embedding`, new nn.Embedding(rows, width, options));
    this.tokens = table("token", vocabSize);
    this.positions = table("position", contextLength);
    this.encoder = this.registerChild("encoder", new Transformer(config, false, options));
    this.finalNorm = this.registerChild("final_layer_norm", new nn.LayerNorm(width, layerNormEps, options));
    this.head = this.registerChild("head", new nn.Linear(width, embedDim, options));
  }

  /**
   * @param options a shared prefix saves nothing here: it reads what follows
   * @returns `[C, embedDim]`
   */
  forward(ids: Tensor, { sharedPrefix = 0, checkpoints }: TextOptions = {}): Tensor {
    checkIds(ids, this.config, sharedPrefix);
    const last = this.encoder.forward(this.embed(ids), lastPosition, { checkpoints });
    return this.head.forward(this.finalNorm.forward(last));
  }

  /** @returns `[C, L, width]` */
  private embed(ids: Tensor): Tensor {
    return this.tokens.forward(ids).add(this.positions.weight.narrow(0, 0, ids.size(1)));
  }
}
