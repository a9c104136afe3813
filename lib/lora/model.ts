import type { AdaptableLayer, ClipModel } from "../clip/index.js";
import type { Generator, Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import {
  checkLoraConfig,
  defaultLoraConfig,
  type LoraConfig,
  type LoraTarget,
  selectedTargets,
} from "./config.js";
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
 * The adapters of a model. All factors A and B lie in one flat tensor, and all importance weights in one `[modules, rank]`, so that
 * an optimiser step, thresholding, counting and saving are one operation each; the layers hold views of them, and so do gradients.
 */
export class LoraModel {
  /** Every A and B, flat. `factors.grad` collects their gradients. */
  readonly factors: Tensor;
  /** `[modules, rank]`. `importance.grad` collects its gradients, unless the weights are fixed. */
  readonly importance: Tensor;
  readonly layers: readonly LoraLayer[];
  readonly modules: readonly LoraModule[];
  readonly config: LoraConfig;
  readonly #gradients: Tensor;

  /** @internal Use `inject`. */
  constructor(
    config: LoraConfig,
    selected: readonly Selected[],
    options: { device: torch.Device; generator?: Generator },
  ) {
    const { rank } = config;
    const { device, generator } = options;
    this.config = config;
    this.modules = selected.flatMap(modulesOf);
    const shapes = selected.map(factorShapes(rank));
    const sizes = shapes.map(({ a, b }) => product(a) + product(b));
    const factorCount = sizes.reduce((sum, size) => sum + size, 0);
    const importanceShape = [this.modules.length, rank];

    const made = torch.noGrad(() =>
      torch.scope(() => {
        const factors = torch.zeros([factorCount], { device }).keep();
        const importance =
          config.importance === "normal"
            ? torch.randn(importanceShape, { device, generator }).keep()
            : torch.ones(importanceShape, { device }).keep();
        // Accumulating into views of one buffer makes clearing all gradients one operation, and the optimiser's input contiguous.
        const gradients = torch.zeros([factorCount + importance.numel()], { device }).keep();
        factors.grad = gradients.narrow(0, 0, factorCount);
        importance.grad = gradients.narrow(0, factorCount, importance.numel()).view(importanceShape);

        let offset = 0;
        let row = 0;
        const layers = selected.map(({ place, targets }, i) => {
          const { a, b } = shapes[i] as FactorShapes;
          const leaf = (at: number, shape: number[]): Tensor =>
            leafView(factors.narrow(0, at, product(shape)), gradients.narrow(0, at, product(shape)), shape);
          const loraA = leaf(offset, a);
          const loraB = leaf(offset + product(a), b);
          // Kaiming-uniform with a = √5, as the reference code: uniform in ±1/√k for k inputs. B stays zero: no change at first.
          const bound = 1 / Math.sqrt(place.linear.inFeatures);
          loraA.detach().uniform_(-bound, bound, { generator });
          const importanceRows = importance.narrow(0, row, targets.length);
          const weights =
            config.importance === "fixed"
              ? importanceRows.detach().keep()
              : leafView(importanceRows, importance.grad?.narrow(0, row, targets.length) as Tensor, [
                  targets.length,
                  rank,
                ]);
          offset += product(a) + product(b);
          row += targets.length;
          return new LoraLayer(place, targets, loraA, loraB, weights);
        });
        return { factors, importance, gradients, layers };
      }),
    );
    this.factors = made.factors.keep();
    this.importance = made.importance.keep();
    this.#gradients = made.gradients.keep();
    this.layers = made.layers;
    for (const layer of this.layers) layer.place.linear.adapter = layer;
  }

  /** Elements that are trained: A, B, and the importance weights unless they are fixed. */
  get numTrainable(): { factors: number; importance: number } {
    return {
      factors: this.factors.numel(),
      importance: this.config.importance === "fixed" ? 0 : this.importance.numel(),
    };
  }

  /** Fills all gradients with zeros. */
  zeroGrad(): void {
    this.#gradients.zero_().dispose();
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
    const active = this.layers.flatMap((layer) => layer.merge());
    this.remove();
    return active;
  }

  /** Takes the adapters off without merging and releases their memory: the model is as it was before. */
  remove(): void {
    for (const { place, loraA, loraB, importance } of this.layers) {
      place.linear.adapter = undefined;
      for (const view of [loraA, loraB, importance]) view.dispose();
    }
    this.factors.dispose();
    this.importance.dispose();
    this.#gradients.dispose();
  }

  /** @throws if an adapter is not finite: merging it would ruin the model */
  checkFinite(): void {
    const count = torch.scope(() => {
      const countIn = (tensor: Tensor): number => tensor.isfinite().logicalNot().sum().item();
      return countIn(this.factors) + countIn(this.importance);
    });
    if (count > 0) {
      throw new Error(
        `merge: expected finite adapters, got ${count} values that are not. Call remove(), and train with a lower learning rate.`,
      );
    }
  }
}

/**
 * Puts fresh adapters on a model's layers. They change nothing at first, because B = 0. Freeze the model itself with
 * `model.requiresGrad_(false)`.
 * @throws if the model already has adapters, or the configuration selects nothing
 */
export function inject(model: ClipModel, config: Partial<LoraConfig> = {}, generator?: Generator): LoraModel {
  const full = { ...defaultLoraConfig, ...config };
  checkLoraConfig(full);
  const places = model.adaptableLayers();
  if (places.some(({ linear }) => linear.adapter !== undefined)) {
    throw new Error(
      "The model already has adapters: expected an ordinary CLIP. Call merge() or remove() on them first.",
    );
  }
  const selected = places
    .map((place) => ({ place, targets: selectedTargets(place, full) }))
    .filter(({ targets }) => targets.length > 0);
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

function modulesOf({ place, targets }: Selected): LoraModule[] {
  const { name, encoder, layer } = place;
  return targets.map((target) => ({
    name: place.targets.length > 1 ? name.replace(/[^.]*$/, `${target}_proj`) : name,
    encoder,
    layer,
    target,
  }));
}

/** A trainable view of flat storage whose gradient accumulates into a view of the flat gradient. */
function leafView(storage: Tensor, gradient: Tensor, shape: number[]): Tensor {
  const leaf = storage.view(shape).detach().requiresGrad_().keep();
  leaf.grad = gradient.view(shape);
  return leaf;
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}
