import type { AdaptableLayer, DualEncoder } from "../clip/index.js";
import type { Generator, Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import {
  checkLoraConfig,
  defaultLoraConfig,
  type LoraConfig,
  type LoraTarget,
  selectedTargets,
  trainsImportance,
} from "./config.js";
import { FlatLayout, FlatParameters } from "./flat-parameters.js";
import { LoraLayer } from "./layer.js";

/** One adapted weight matrix. */
export interface LoraModule {
  /** Path of the matrix in the model, such as `vision_model.encoder.layers.0.self_attn.q_proj`. */
  readonly name: string;
  readonly encoder: "vision" | "text";
  readonly layer: number;
  readonly target: LoraTarget;
}

/**
 * The adapters of a model. Everything that is trained lies in one flat tensor: all factors A and B first,
 * then all importance weights. An optimiser step with thresholding, counting and saving are one operation
 * each. The layers hold views of it, and so do gradients.
 */
export class LoraModel {
  /** All factors, then all importance weights, flat. `parameters.grad` collects their gradients. */
  readonly parameters: Tensor;
  /** Every A and B: the view of `parameters` before the importance weights. */
  readonly factors: Tensor;
  /** `[modules, rank]`, the rest of `parameters`. They get no gradient if they are fixed. */
  readonly importance: Tensor;
  readonly layers: readonly LoraLayer[];
  readonly modules: readonly LoraModule[];
  readonly config: LoraConfig;
  readonly #flat: FlatParameters;
  #effectiveWeights: readonly Tensor[] = [];

  /** @internal Use `inject`. */
  constructor(
    config: LoraConfig,
    selected: readonly Selected[],
    options: { device: torch.Device; generator?: Generator },
  ) {
    const { rank } = config;
    const { device, generator } = options;
    this.config = config;
    this.modules = selected.flatMap(({ place, targets }) => loraModules(place, targets));
    const shapes = selected.map(factorShapes(rank));
    const initial = torch.noGrad(() =>
      torch.scope(() => initialParameters(config, selected, shapes, generator).to({ device })).keep(),
    );
    const flat = new FlatParameters(initial);
    const layout = new FlatLayout();
    const factors = shapes.map(({ a, b }) => [flat.leaf(layout.take(a)), flat.leaf(layout.take(b))] as const);
    this.#flat = flat;
    this.parameters = flat.values;
    this.factors = flat.fixed({ at: 0, shape: [layout.size] });
    this.importance = flat.fixed({ at: layout.size, shape: [this.modules.length, rank] });
    this.layers = selected.map(({ place, targets }, i) => {
      const [loraA, loraB] = factors[i] as readonly [Tensor, Tensor];
      const rows = layout.take([targets.length, rank]);
      const importance = trainsImportance(config) ? flat.leaf(rows) : flat.fixed(rows);
      return new LoraLayer(place, targets, loraA, loraB, importance);
    });
    for (const layer of this.layers) layer.place.linear.adapter = layer;
  }

  /** Elements that are trained: A, B, and the importance weights unless they are fixed. */
  get numTrainable(): { factors: number; importance: number } {
    return {
      factors: this.factors.numel(),
      importance: trainsImportance(this.config) ? this.importance.numel() : 0,
    };
  }

  /** Fills all gradients with zeros. */
  zeroGrad(): void {
    this.#flat.zeroGrad();
  }

  /**
   * Forms the effective weights of all layers in one operation, rounded to `dtype`. The layers compute with
   * them until the adapters are trained, merged or removed. This is for steps in 16 bits, and for several
   * passes in one step. Without it every layer forms its own whenever it is called.
   */
  formEffectiveWeights(dtype: torch.DType): void {
    this.releaseEffectiveWeights();
    const whole = this.layers.filter(
      ({ isWhole, place, loraA }) => isWhole && place.linear.weight.dtype === loraA.dtype,
    );
    if (whole.length === 0) return;
    const formed = torch.unscoped(() =>
      torch.effectiveWeights(
        whole.map(({ place }) => place.linear.weight),
        whole.map(({ loraA }) => loraA),
        whole.map(({ loraB }) => loraB),
        whole.map(({ importance }) => importance),
        { dtype },
      ),
    );
    formed.forEach((weight, i) => {
      (whole[i] as LoraLayer).effectiveWeight = weight.keep();
    });
    this.#effectiveWeights = formed;
  }

  /** Releases what `formEffectiveWeights` made. Call it when the adapters were changed by hand. */
  releaseEffectiveWeights(): void {
    for (const layer of this.layers) layer.effectiveWeight = undefined;
    for (const weight of this.#effectiveWeights) weight.dispose();
    this.#effectiveWeights = [];
  }

  /** Non-zero importance weights of every module, in the order of `modules`. */
  activeRanks(): number[] {
    return torch.scope(() => this.importance.ne(0).sum([1]).toArray() as (number | bigint)[]).map(Number);
  }

  /**
   * Adds the surviving ranks of every module to the model's weights and removes the adapters.
   * @returns the surviving ranks
   * @throws if an adapter is not finite; then nothing was merged, and `remove` leaves the model as it was
   */
  merge(): number[] {
    this.checkFinite();
    const active = torch.noGrad(() =>
      torch.scope(() => {
        const exact = this.layers.filter(({ place, loraA }) => place.linear.weight.dtype === loraA.dtype);
        for (const layer of this.layers) {
          const { weight } = layer.place.linear;
          if (!exact.includes(layer)) weight.copy_(layer.roundedWeight(weight));
        }
        if (exact.length < this.layers.length) return this.activeRanks();
        const parts = exact.flatMap((layer) => layer.parts());
        const counts = torch.mergeAllRanks_(
          parts.map(({ weight }) => weight),
          parts.map(({ loraA }) => loraA),
          parts.map(({ loraB }) => loraB),
          parts.map(({ importance }) => importance),
        );
        return (counts.toArray() as bigint[]).map(Number);
      }),
    );
    this.remove();
    return active;
  }

  /** Takes the adapters off without merging and releases their memory: the model is as it was before. */
  remove(): void {
    for (const { place, loraA, loraB, importance } of this.layers) {
      place.linear.adapter = undefined;
      for (const view of [loraA, loraB, importance]) view.dispose();
    }
    this.releaseEffectiveWeights();
    for (const tensor of [this.parameters, this.factors, this.importance]) tensor.dispose();
  }

  /** @throws if an adapter is not finite: merging it would ruin the model */
  checkFinite(): void {
    const count = torch.scope(() => this.parameters.isfinite().logicalNot().sum().item());
    if (count > 0) {
      throw new Error(
        `merge: expected finite adapters, got ${count} values that are not. Call remove(), and train with a lower learning rate.`,
      );
    }
  }
}

/**
 * Puts fresh adapters on a model's layers. They change nothing at first, because B = 0. Freeze the model
 * itself with `model.requiresGrad_(false)`. Adapters are float32 whatever the dtype of the model;
 * `model.precision` in float32 trains faster and better than weights in 16 bits.
 * @param generator draws them, on the CPU, so that they are the same on every device
 * @throws if the model already has adapters, or the configuration selects nothing
 */
export function inject(
  model: DualEncoder,
  config: Partial<LoraConfig> = {},
  generator?: Generator,
): LoraModel {
  const full = { ...defaultLoraConfig, ...config };
  checkLoraConfig(full);
  const selected = model
    .adaptableLayers()
    .map((place) => ({ place, targets: selectedTargets(place, full) }))
    .filter(({ targets }) => targets.length > 0);
  if (selected.some(({ place }) => place.linear.adapter !== undefined)) {
    throw new Error(
      "The model already has adapters: expected none on the layers that get them. Call merge() or remove() on them first.",
    );
  }
  return new LoraModel(full, selected, { device: model.device, generator });
}

interface Selected {
  readonly place: AdaptableLayer;
  readonly targets: readonly LoraTarget[];
}

interface FactorShapes {
  readonly a: number[];
  readonly b: number[];
}

function factorShapes(rank: number): (selected: Selected) => FactorShapes {
  return ({ place, targets }) => ({
    a: [targets.length, rank, place.linear.inFeatures],
    b: [targets.length, place.linear.outFeatures / place.targets.length, rank],
  });
}

/** The matrices of a layer that are adapted, such as those of q and v. Default: all of them. */
export function loraModules(
  place: AdaptableLayer,
  targets: readonly LoraTarget[] = place.targets,
): LoraModule[] {
  const { name, encoder, layer } = place;
  return targets.map((target) => ({
    name: place.targets.length > 1 ? name.replace(/[^.]*$/, `${target}_proj`) : name,
    encoder,
    layer,
    target,
  }));
}

/**
 * Every A, every B and the importance weights of fresh adapters, flat, on the CPU. A is Kaiming-uniform with
 * a = √5, as in the released code: uniform in ±1/√k for k inputs. B is zero: no change at first.
 */
function initialParameters(
  config: LoraConfig,
  selected: readonly Selected[],
  shapes: readonly FactorShapes[],
  generator?: Generator,
): Tensor {
  return torch.scope(() => {
    const modules = selected.reduce((count, { targets }) => count + targets.length, 0);
    const importance = torch.ones([modules * config.rank]);
    if (config.importance.endsWith("normal")) importance.normal_(0, 1, { generator });
    const factors = selected.flatMap(({ place }, i) => {
      const { a, b } = shapes[i] as FactorShapes;
      const bound = 1 / Math.sqrt(place.linear.inFeatures);
      const flat = (shape: readonly number[]) => torch.zeros([torch.numelOf(shape)]);
      return [flat(a).uniform_(-bound, bound, { generator }), flat(b)];
    });
    return torch.cat([...factors, importance]);
  });
}
