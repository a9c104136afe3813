import type { AdaptableLayer, DualEncoder } from "../../clip/index.js";
import type { Task } from "../../data/index.js";
import { type LoraModule, loraModules } from "../../lora/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { inParts } from "./in-parts.js";
import { attentionLayers, type InputGramOptions, inputGrams } from "./layer-inputs.js";
import { liveState } from "./live-state.js";
import { joinedState, type StageState } from "./stage.js";
import {
  type Decomposition,
  extendBasis,
  type Factors,
  leadingDirections,
  residualFactors,
  type ShareRule,
} from "./subspace.js";
import { sum } from "./sums.js";
import type { RunContext } from "./types.js";

export interface WeightProtection {
  /** Share of ‖W‖² in both encoders. */
  readonly share: Readonly<Record<"vision" | "text", number>>;
  readonly rule: ShareRule;
  /** Which singular vectors: those of the layer's input, or of its output. */
  readonly side: "input" | "output";
}

/**
 * Every matrix of the attention has a subspace U of its inputs that updates must leave alone. U holds main
 * directions of the weights and of the inputs in earlier tasks. Query, key and value read the same and have
 * different weights, so each has its own U.
 */
export class ProtectedInputs implements Disposable {
  readonly #bases = new Map<string, Tensor>(); // by the matrix' name, [inFeatures, k], float32

  get isEmpty(): boolean {
    return this.#bases.size === 0;
  }

  /** U by the name of its matrix. */
  get bases(): ReadonlyMap<string, Tensor> {
    return this.#bases;
  }

  /** Starts with the main directions of the weights as they are. @throws if the run is aborted */
  async addWeights(context: RunContext, { share, rule, side }: WeightProtection): Promise<void> {
    const modules = attentionLayers(context.model).flatMap((place) => loraModules(place));
    const bases = new Map<string, Tensor>();
    try {
      await inParts(
        context,
        "directions of the weights",
        modules.length,
        (part) => {
          const { name, encoder } = modules[part] as LoraModule;
          const stored = context.model.stateDict().get(`${name}.weight`)?.detach().double() as Tensor; // [out, in]
          const gram = side === "input" ? stored.t().matmul(stored) : stored.matmul(stored.t());
          bases.set(name, leadingDirections(gram, share[encoder], rule).keep());
        },
        mapState(bases),
      );
    } catch (error) {
      for (const basis of bases.values()) basis.dispose();
      throw error;
    }
    for (const [name, basis] of bases) this.#set(name, basis);
  }

  /**
   * Adds main directions of what the layers read on a task, up to a share of the energy.
   * @throws if the run is aborted
   */
  async addFeatures(
    task: Task,
    context: RunContext,
    share: number,
    options: InputGramOptions,
  ): Promise<void> {
    const modules = namedLayers(context.model);
    await torch.scope(async () => {
      const grams = await inputGrams(task, context, options);
      await inParts(
        context,
        "directions of the features",
        modules.length,
        (part) => {
          const { name, linear } = modules[part] as NamedLayer;
          this.#set(name, extendBasis(this.#of(name), grams.get(linear) as Tensor, share));
        },
        mapState(this.#bases),
      );
    });
  }

  /**
   * The best factors of rank r of gradients outside of the subspaces, `[inFeatures, r']` and `[r',
   * outFeatures]`.
   * @param gradients by layer, in the layout of its weight
   * @returns by the matrix' name; the caller owns them
   * @throws if the run is aborted, or a gradient is not finite
   */
  async residualFactors(
    gradients: ReadonlyMap<torch.nn.Linear, Tensor>,
    context: RunContext,
    rank: number,
    how: Decomposition,
  ): Promise<Map<string, Factors>> {
    const modules = namedLayers(context.model);
    const factors = new Map<string, Factors>();
    try {
      await inParts(
        context,
        "directions to learn in",
        modules.length,
        (part) => {
          const { name, linear, index, count } = modules[part] as NamedLayer;
          const gradient = (gradients.get(linear) as Tensor).chunk(count)[index] as Tensor;
          const { left, right } = residualFactors(gradient.t(), this.#of(name), rank, how);
          factors.set(name, { left: left.keep(), right: right.keep() });
        },
        factorState(factors, how),
      );
      return factors;
    } catch (error) {
      disposeFactors(factors);
      throw error;
    }
  }

  /** The mean part of the dimensions that is protected in an encoder. */
  protectedPart(model: DualEncoder, encoder: "vision" | "text"): number {
    const names = attentionLayers(model, encoder).flatMap((place) => loraModules(place));
    const parts = names.map(({ name }) => this.#of(name).size(1) / this.#of(name).size(0));
    return sum(parts) / parts.length;
  }

  /** Takes over saved bases: copies. */
  load(bases: ReadonlyMap<string, Tensor>): void {
    for (const [name, basis] of bases) {
      this.#set(
        name,
        torch.unscoped(() => basis.clone()),
      );
    }
  }

  dispose(): void {
    for (const basis of this.#bases.values()) basis.dispose();
    this.#bases.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #of(name: string): Tensor {
    return this.#bases.get(name) as Tensor;
  }

  #set(name: string, basis: Tensor): void {
    this.#bases.get(name)?.dispose();
    this.#bases.set(name, basis.keep());
  }
}

/** Tensors that are found one after another, by name. */
function mapState(found: Map<string, Tensor>): StageState {
  return {
    state: () => ({ tensors: found, data: {} }),
    loadState({ tensors }) {
      for (const [name, tensor] of tensors) {
        found.get(name)?.dispose();
        found.set(name, tensor.clone().keep());
      }
    },
  };
}

function factorState(found: Map<string, Factors>, how: Decomposition): StageState {
  const generators = how === "exact" ? [] : [how.generator];
  const factors: StageState = {
    state: () => ({
      tensors: new Map(
        Array.from(found).flatMap(([name, { left, right }]): [string, Tensor][] => [
          [`${name}.left`, left],
          [`${name}.right`, right],
        ]),
      ),
      data: { names: [...found.keys()] },
    }),
    loadState({ tensors, data }) {
      const copy = (name: string): Tensor => (tensors.get(name) as Tensor).clone().keep();
      for (const name of data.names as string[])
        found.set(name, { left: copy(`${name}.left`), right: copy(`${name}.right`) });
    },
  };
  return joinedState({ factors, drawn: liveState({ generators }) });
}

export function disposeFactors(factors: ReadonlyMap<string, Factors>): void {
  for (const { left, right } of factors.values()) for (const tensor of [left, right]) tensor.dispose();
}

/** A matrix, and which of the parts of its layer it is. */
interface NamedLayer {
  readonly name: string;
  readonly linear: AdaptableLayer["linear"];
  readonly index: number;
  readonly count: number;
}

function namedLayers(model: DualEncoder): NamedLayer[] {
  return attentionLayers(model).flatMap((place) =>
    loraModules(place).map(({ name }, index) => ({
      name,
      linear: place.linear,
      index,
      count: place.targets.length,
    })),
  );
}
