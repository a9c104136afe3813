import type { AdaptableLayer } from "../../clip/index.js";
import {
  FlatLayout,
  FlatParameters,
  LoraLayer,
  type LoraModule,
  type LowRankUpdates,
  loraModules,
  type Span,
  viewOf,
} from "../../lora/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";

/** Start of the adapter of a matrix. */
export interface ResidualStart {
  /** A, `[r' ≤ r, inFeatures]`, orthonormal rows: they stay as they are. */
  readonly loraA: Tensor;
  /** B₀, `[outFeatures, r']` */
  readonly loraB: Tensor;
  /** Factor of the update. */
  readonly scale: number;
}

/**
 * Low-rank adapters of which B alone is trained, `y = x (W + s (B − B₀) A)ᵀ + b`. A shift of the weights by
 * `−s B₀ A` would be the same function. Here adapters start without effect bit by bit, and the model is what
 * it was if training fails.
 *
 * The trained parameter is `D = B − B₀`. AdamW's steps do not depend on the values of parameters, so D moves
 * as B would. Only weight decay tells them apart, and `decayTowardsZero` makes it that of B.
 */
export class ResidualAdapters {
  /** D of all matrices, flat, starting at zero; its `grad` collects their gradients. */
  readonly parameters: Tensor;
  readonly modules: readonly LoraModule[];
  /** r' of every module. */
  readonly ranks: readonly number[];
  readonly layers: readonly LoraLayer[];
  readonly #flat: FlatParameters;
  readonly #initial: Tensor | undefined; // B₀, flat like D
  readonly #scales: readonly number[];

  /**
   * Puts them on the layers.
   * @param startOf by module name   @param keepsInitial whether B starts at B₀; else at zero
   */
  constructor(
    places: readonly AdaptableLayer[],
    startOf: (module: LoraModule) => ResidualStart,
    { rank, keepsInitial }: { readonly rank: number; readonly keepsInitial: boolean },
  ) {
    this.modules = places.flatMap((place) => loraModules(place));
    const starts = new Map(this.modules.map((module) => [module.name, startOf(module)]));
    const ofModule = ({ name }: LoraModule): ResidualStart => starts.get(name) as ResidualStart;
    this.ranks = this.modules.map((module) => ofModule(module).loraA.size(0));
    this.#scales = this.modules.map((module) => ofModule(module).scale);
    const layout = new FlatLayout();
    const spans = places.map(({ linear, targets }) =>
      layout.take([targets.length, linear.outFeatures / targets.length, rank]),
    );
    const device = places[0]?.linear.weight.device as torch.Device;
    const zeros = () => torch.noGrad(() => torch.unscoped(() => torch.zeros([layout.size], { device })));
    this.#flat = new FlatParameters(zeros());
    this.parameters = this.#flat.values;
    this.#initial = keepsInitial ? zeros() : undefined;
    this.layers = torch.noGrad(() =>
      torch.scope(() =>
        places.map((place, i) => {
          const span = spans[i] as Span;
          const loraB = this.#flat.leaf(span);
          const initial = this.#initial && viewOf(this.#initial, span);
          const parts = loraModules(place).map(ofModule);
          const loraA = torch.zeros([parts.length, rank, place.linear.inFeatures], { device }).keep();
          const scales = torch.zeros([parts.length, rank], { device }).keep();
          parts.forEach((start, part) => {
            loraA.select(0, part).narrow(0, 0, start.loraA.size(0)).copy_(start.loraA);
            scales.select(0, part).fill_(start.scale);
            initial?.select(0, part).narrow(1, 0, start.loraB.size(1)).copy_(start.loraB);
          });
          return new LoraLayer(place, place.targets, loraA, loraB, scales);
        }),
      ),
    );
    for (const layer of this.layers) layer.place.linear.adapter = layer;
  }

  zeroGrad(): void {
    this.#flat.zeroGrad();
  }

  /**
   * The part of AdamW's decoupled weight decay that B has more than D: `D ← D − amount · B₀`.
   * @param amount learning rate times decay
   */
  decayTowardsZero(amount: number): void {
    if (this.#initial === undefined || amount === 0) return;
    torch.noGrad(() => this.parameters.add_(this.#initial as Tensor, { alpha: -amount }).dispose());
  }

  /** `ΔW = (s D) A` of every matrix, of the ranks that it has: copies. */
  updates(): LowRankUpdates {
    return torch.noGrad(() =>
      torch.scope(() => {
        const parts = this.layers.flatMap((layer) => layer.parts());
        const updates = this.modules.flatMap(({ name }, i) => {
          const { loraA, loraB } = parts[i] as (typeof parts)[number];
          const rank = this.ranks[i] as number;
          if (rank === 0) return [];
          const update = {
            loraA: loraA.select(0, 0).narrow(0, 0, rank).clone(),
            loraB: loraB
              .select(0, 0)
              .narrow(1, 0, rank)
              .mul(this.#scales[i] as number),
          };
          return [[name, update] as const];
        });
        return new Map(updates);
      }),
    );
  }

  /** Takes the adapters off and releases their memory. */
  remove(): void {
    for (const { place, loraA, loraB, importance } of this.layers) {
      place.linear.adapter = undefined;
      for (const tensor of [loraA, loraB, importance]) tensor.dispose();
    }
    this.parameters.dispose();
    this.#initial?.dispose();
  }
}
