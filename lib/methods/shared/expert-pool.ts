import type { AdaptableLayer, DualEncoder } from "../../clip/index.js";
import { type LoraModule, type LowRankUpdates, loraModules } from "../../lora/index.js";
import type { Generator, Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { product } from "./sums.js";

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

/**
 * What the experts of a layer are computed with; the first dimension is that of its parts, such as q, k and
 * v.
 */
interface LayerTensors {
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
 * The router looks at the first token of every sample, and each sample votes for `topTrain` experts; those
 * with most votes in the batch take part for the whole batch: `y = W x + b + σ B_S A_S dropout(x)`. q, k and
 * v share one dropout mask, because they read one input in one product.
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

/** Matrices with the same number of outputs, one after the other in memory: their B are one tensor. */
interface OutputGroup {
  readonly modules: readonly number[];
  /** Trainable, `[modules, outFeatures, rank]` */
  readonly loraB: Tensor;
}

/**
 * The experts of all matrices of both encoders: q, k, v, the attention's output and the two of the
 * feed-forward half. A and B lie in one flat tensor, the layers hold views. Routers are drawn like libtorch's
 * linear layers, A uniform in ±1/√inFeatures, and B is zero: nothing changes at first.
 */
export class ExpertPool implements Disposable {
  /**
   * A and B, and behind them the routers where they are trained. `parameters.grad` collects the gradients.
   */
  readonly parameters: Tensor;
  readonly modules: readonly LoraModule[];
  /** How often each expert was voted for in this task, `[modules, rank]`. */
  readonly counts: Tensor;
  /** Votes of the latest step, `[modules, rank]`. */
  readonly votes: Tensor;
  readonly groups: readonly OutputGroup[];
  readonly layers: readonly PoolLayer[];
  /** Values of A and B, and of the routers. */
  readonly size: { readonly experts: number; readonly routers: number };
  readonly #tensors: Tensor[] = [];

  /**
   * @param generator of the weights; on the CPU, so that they are the same on every device
   * @param noise of dropout, on the model's device
   */
  constructor(
    model: DualEncoder,
    readonly options: PoolOptions,
    generator: Generator,
    readonly noise: Generator,
  ) {
    const { rank } = options;
    const { device } = model;
    const places = model.adaptableLayers();
    this.modules = places.flatMap((place) => loraModules(place));
    const outputs = places.map(({ linear, targets }) => linear.outFeatures / targets.length);
    // Places of each layer's factors: all A, then B by groups of equal size, then routers.
    const sizes = [...new Set(outputs)];
    let offset = 0;
    const take = (count: number): number => {
      offset += count;
      return offset - count;
    };
    const parts = (i: number): number => (places[i] as AdaptableLayer).targets.length;
    const inputs = (i: number): number => (places[i] as AdaptableLayer).linear.inFeatures;
    const atA = places.map((_, i) => take(parts(i) * rank * inputs(i)));
    const atB = new Map<number, number>();
    const starts = sizes.map((size) => {
      const start = offset;
      for (const i of places.keys()) if (outputs[i] === size) atB.set(i, take(parts(i) * size * rank));
      return start;
    });
    const experts = offset;
    const atRouter = places.map((_, i) => take(parts(i) * rank * (inputs(i) + 1)));
    this.size = { experts, routers: offset - experts };
    const trained = options.router === "fixed" ? experts : offset;

    const keep = (tensor: Tensor): Tensor => {
      this.#tensors.push(tensor.keep());
      return tensor;
    };
    const made = torch.noGrad(() =>
      torch.scope(() => {
        const drawn = torch.zeros([offset], { device: device === "meta" ? device : "cpu" });
        for (const i of places.keys()) {
          const bound = 1 / Math.sqrt(inputs(i));
          const draw = (at: number, count: number): void => {
            if (device !== "meta") drawn.narrow(0, at, count).uniform_(-bound, bound, { generator });
          };
          draw(atA[i] as number, parts(i) * rank * inputs(i));
          draw(atRouter[i] as number, parts(i) * rank * (inputs(i) + 1));
        }
        const all = keep(drawn.to({ device }));
        const parameters = keep(all.narrow(0, 0, trained));
        const gradients = torch.zeros([trained], { device });
        parameters.grad = gradients;
        const leaf = (at: number, shape: number[]): Tensor => {
          const count = product(shape);
          const view = all.narrow(0, at, count).view(shape).detach();
          if (at < trained) {
            view.requiresGrad = true;
            view.grad = gradients.narrow(0, at, count).view(shape);
          }
          return keep(view);
        };
        const counts = keep(torch.zeros([this.modules.length, rank], { device }));
        const votes = keep(torch.zeros([this.modules.length, rank], { device }));
        let row = 0;
        const layers = places.map((place, i) => {
          const count = parts(i);
          const at = atRouter[i] as number;
          const tensors = {
            loraA: leaf(atA[i] as number, [count, rank, inputs(i)]),
            loraB: leaf(atB.get(i) as number, [count, outputs[i] as number, rank]),
            routerWeight: leaf(at, [count * rank, inputs(i)]),
            routerBias: leaf(at + count * rank * inputs(i), [count * rank]),
            votes: keep(votes.narrow(0, row, count)),
          };
          row += count;
          return new PoolLayer(place, tensors, options, noise);
        });
        const outputsOf = places.flatMap((place, i) => place.targets.map(() => outputs[i] as number));
        const groups = sizes.map((size, g) => {
          const modules = outputsOf.flatMap((output, module) => (output === size ? [module] : []));
          return { modules, loraB: leaf(starts[g] as number, [modules.length, size, rank]) };
        });
        return { parameters, counts, votes, layers, groups };
      }),
    );
    this.parameters = made.parameters;
    this.counts = made.counts;
    this.votes = made.votes;
    this.layers = made.layers;
    this.groups = made.groups;
    for (const layer of this.layers) layer.place.linear.adapter = layer;
  }

  zeroGrad(): void {
    torch.scope(() => this.parameters.grad?.zero_());
  }

  /** Adds the votes of a step to the counts; call it once after the forward pass. */
  count(): void {
    torch.scope(() => this.counts.add_(this.votes));
  }

  /**
   * The most used columns of B, group by group: `[modules, outFeatures, k]`, differentiable.
   * @param counts `[modules, rank]`; of equal ones the first
   */
  topColumns(k: number, counts: Tensor = this.counts): Tensor[] {
    return this.groups.map(({ modules, loraB }) => {
      const chosen = topIndices(rowsOf(counts, modules), k); // [modules, k]
      return loraB.gather(2, chosen.unsqueeze(1).expand([-1, loraB.size(1), -1]));
    });
  }

  /** `ΔW = σ B_K A_K` of the k experts of every matrix that were voted for most: copies. */
  updates(k: number): LowRankUpdates {
    return torch.noGrad(() =>
      torch.scope(() => {
        const { alpha, rank } = this.options;
        const chosen = topIndices(this.counts, k);
        const factors = this.layers.flatMap(({ place, tensors }) =>
          place.targets.map(
            (_, part) => [tensors.loraA.select(0, part), tensors.loraB.select(0, part)] as const,
          ),
        );
        const updates = this.modules.map(({ name }, module) => {
          const [loraA, loraB] = factors[module] as readonly [Tensor, Tensor];
          const index = chosen.select(0, module);
          return [
            name,
            { loraA: loraA.indexSelect(0, index), loraB: loraB.indexSelect(1, index).mul(alpha / rank) },
          ] as const;
        });
        return new Map(updates);
      }),
    );
  }

  /** Takes the experts off and releases their memory. */
  dispose(): void {
    for (const { place } of this.layers) place.linear.adapter = undefined;
    for (const tensor of this.#tensors.splice(0)) tensor.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Indices of the k largest values of each row, rising; of equal ones the first.
 * @param values `[n, r]`
 * @returns int64 `[n, k]`
 */
function topIndices(values: Tensor, k: number): Tensor {
  return torch.scope(() => {
    const [, ones] = mostVotes(values, k).topk(k);
    return ones.sort(-1)[0];
  });
}

function rowsOf(values: Tensor, rows: readonly number[]): Tensor {
  return values.indexSelect(0, torch.tensor([...rows], { dtype: "int64", device: values.device }));
}
