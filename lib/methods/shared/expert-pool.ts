import type { AdaptableLayer, DualEncoder } from "../../clip/index.js";
import {
  FlatParameters,
  type LoraModule,
  type LowRankUpdates,
  loraModules,
  type Span,
  viewOf,
} from "../../lora/index.js";
import type { Device, Generator, Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { mostVotes, PoolLayer, type PoolOptions } from "./pool-layer.js";
import { type LayerSpans, layOut, type PoolLayout } from "./pool-layout.js";

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
  readonly #flat: FlatParameters;
  readonly #tensors: Tensor[] = [];

  /**
   * @param generator draws the weights; on the CPU, so that they are the same on every device
   * @param noise draws dropout, on the model's device
   */
  constructor(
    model: DualEncoder,
    readonly options: PoolOptions,
    generator: Generator,
    readonly noise: Generator,
  ) {
    const places = model.adaptableLayers();
    this.modules = places.flatMap((place) => loraModules(place));
    const layout = layOut(places, options.rank);
    this.size = layout.size;
    const { experts, routers } = layout.size;
    const isRouterFixed = options.router === "fixed";
    const all = this.#own(() => drawn(layout, places, model.device, generator));
    this.#flat = new FlatParameters(
      this.#own(() => all.narrow(0, 0, isRouterFixed ? experts : experts + routers)),
    );
    this.parameters = this.#flat.values;
    const counters = () => torch.zeros([this.modules.length, options.rank], { device: model.device });
    [this.counts, this.votes] = [this.#own(counters), this.#own(counters)];
    const trained = (span: Span): Tensor => this.#own(() => this.#flat.leaf(span));
    const router = (span: Span): Tensor =>
      isRouterFixed ? this.#own(() => viewOf(all, span)) : trained(span);
    let row = 0;
    this.layers = places.map((place, i) => {
      const spans = layout.layers[i] as LayerSpans;
      const [start, parts] = [row, place.targets.length];
      row += parts;
      const tensors = {
        loraA: trained(spans.loraA),
        loraB: trained(spans.loraB),
        routerWeight: router(spans.routerWeight),
        routerBias: router(spans.routerBias),
        votes: this.#own(() => this.votes.narrow(0, start, parts)),
      };
      return new PoolLayer(place, tensors, options, noise);
    });
    this.groups = layout.groups.map(({ modules, loraB }) => ({ modules, loraB: trained(loraB) }));
    for (const layer of this.layers) layer.place.linear.adapter = layer;
  }

  zeroGrad(): void {
    this.#flat.zeroGrad();
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

  /** Makes a tensor that is released with the pool. */
  #own(make: () => Tensor): Tensor {
    const tensor = torch.noGrad(() => torch.scope(make)).keep();
    this.#tensors.push(tensor);
    return tensor;
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

/** A and routers as they begin, flat; B is zero. */
function drawn(
  { layers, size }: PoolLayout,
  places: readonly AdaptableLayer[],
  device: Device,
  generator: Generator,
): Tensor {
  const count = size.experts + size.routers;
  if (device === "meta") return torch.zeros([count], { device });
  const values = torch.zeros([count]);
  layers.forEach(({ loraA, routerWeight, routerBias }, i) => {
    const bound = 1 / Math.sqrt((places[i] as AdaptableLayer).linear.inFeatures);
    const draw = (at: number, length: number): void => {
      values.narrow(0, at, length).uniform_(-bound, bound, { generator });
    };
    draw(loraA.at, torch.numelOf(loraA.shape));
    draw(routerWeight.at, torch.numelOf(routerWeight.shape) + torch.numelOf(routerBias.shape));
  });
  return values.to({ device });
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
