import type { AdaptableLayer } from "../../clip/index.js";
import type { Generator, Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";

export interface PoolOptions {
  /** Rank-one experts of every matrix. */
  readonly rank: number;
  readonly alpha: number;
  /** Experts that take part in a step. */
  readonly topTrain: number;
  /** Dropout of the experts' input. */
  readonly dropout: number;
  /**
   * `fixed`: it only chooses, and no gradient reaches it, as published. Experimental: `gate` multiplies an
   * expert's output by the sample's softmax over the chosen experts, times their number; `straight-through`
   * does so in the backward pass alone. Merging knows no samples and leaves gates out.
   */
  readonly router: "fixed" | "gate" | "straight-through";
}

/** Tensors of a layer's experts; the first dimension is that of its parts, such as q, k and v. */
export interface LayerTensors {
  /** `[parts, rank, inFeatures]` */
  readonly loraA: Tensor;
  /** `[parts, outFeatures, rank]` */
  readonly loraB: Tensor;
  /** `[parts · rank, inFeatures]` */
  readonly routerWeight: Tensor;
  /** `[parts · rank]` */
  readonly routerBias: Tensor;
  /** Votes for each expert in the latest step, `[parts, rank]`. */
  readonly votes: Tensor;
}

/**
 * The low-rank update of a layer read as rank-one experts, of which a step uses a part: DAC,
 * arXiv:2601.22828.
 *
 * The router looks at the first token of every sample, and each sample votes for `topTrain` experts. Those
 * with most votes take part for the whole batch: `y = W x + b + σ B_S A_S dropout(x)`. q, k and v share one
 * dropout mask, because they read one input in one product.
 */
export class PoolLayer implements torch.nn.LinearAdapter {
  /**
   * Images are read out at their first token, so a block may leave out the others; texts are read out
   * elsewhere.
   */
  readonly isPositionwise: boolean;

  constructor(
    readonly place: AdaptableLayer,
    readonly tensors: LayerTensors,
    readonly options: PoolOptions,
    readonly generator: Generator,
  ) {
    this.isPositionwise = place.encoder === "vision";
  }

  forward(x: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor {
    const { rank, alpha, dropout } = this.options;
    const { loraA, loraB } = this.tensors;
    const parts = loraA.size(0);
    const kept = dropout > 0 ? this.#dropped(x) : x; // scaled up below, on the narrow side
    const first = kept.dim() > 2 ? kept.select(1, 0) : kept; // [B, inFeatures]
    const scores = this.#scores(first.div(1 - dropout), parts);
    const active = this.#choose(scores); // [parts, rank]
    const scaled = active.mul(alpha / rank / (1 - dropout)).unsqueeze(2);
    const narrow = torch.linear(kept, loraA.mul(scaled).view([parts * rank, -1])); // [..., parts · rank]
    const gated = this.#gate(narrow, scores, active);
    const wide = Array.from({ length: parts }, (_, i) =>
      torch.linear(gated.narrow(-1, i * rank, rank), loraB.select(0, i)),
    );
    return torch.linear(x, weight, bias).add(parts === 1 ? (wide[0] as Tensor) : torch.cat(wide, -1));
  }

  /** @param first `[B, inFeatures]`   @returns `[B, parts, rank]` */
  #scores(first: Tensor, parts: number): Tensor {
    const { routerWeight, routerBias } = this.tensors;
    const score = () =>
      torch.linear(first, routerWeight, routerBias).view([-1, parts, this.options.rank]).float();
    return this.options.router === "fixed" ? torch.noGrad(score) : score();
  }

  #dropped(x: Tensor): Tensor {
    const { generator } = this;
    return x.mul(torch.rand(x.shape, { generator, device: x.device }).ge(this.options.dropout));
  }

  /**
   * 1 for the experts that take part. Counted by `ExpertPool.count`, so that a repeated pass does not count
   * twice.
   */
  #choose(scores: Tensor): Tensor {
    return torch.noGrad(() =>
      torch.scope(() => {
        const { topTrain } = this.options;
        const votes = mostVotes(scores, topTrain).sum([0]);
        this.tensors.votes.copy_(votes);
        return mostVotes(votes, topTrain);
      }),
    );
  }

  #gate(narrow: Tensor, scores: Tensor, active: Tensor): Tensor {
    const { router, topTrain } = this.options;
    if (router === "fixed") return narrow;
    const chosen = scores.maskedFill(active.eq(0), -Infinity).softmax(-1).mul(topTrain).flatten(1); // [B, parts · rank]
    const gates = router === "gate" ? chosen : chosen.sub(chosen.detach()).add(1);
    return narrow.mul(narrow.dim() > 2 ? gates.unsqueeze(1) : gates);
  }
}

/**
 * 1 where a value is among the k largest along the last dimension, else 0; of equal ones the first.
 * @param values any shape   @returns float32 of the same shape
 */
export function mostVotes(values: Tensor, k: number): Tensor {
  return torch.scope(() => {
    const order = torch.callOperator("aten::sort.stable", values, {
      stable: true,
      dim: -1,
      descending: true,
    }) as [Tensor, Tensor];
    const chosen = order[1].narrow(-1, 0, k);
    return torch.zerosLike(values, { dtype: "float32" }).scatter(-1, chosen, 1);
  });
}
