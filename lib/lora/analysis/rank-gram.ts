import { setImmediate } from "node:timers/promises";
import type { DualEncoder } from "../../clip/index.js";
import { checkOptions } from "../../options/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import type { LowRankUpdate, LowRankUpdates } from "../low-rank-update.js";

export interface RankGramOptions {
  /** Normalised images `[N, 3, S, S]`, some at a time. */
  readonly batches: Iterable<Tensor>;
  /**
   * Directions of the features that are followed back, each drawn from N(0, 1): an unbiased estimate that
   * gets cheaper with fewer. Default: every coordinate of the features, which is exact.
   */
  readonly probes?: { readonly count: number; readonly generator?: torch.Generator };
  readonly signal?: AbortSignal;
  /** After each backward pass. */
  onProgress?(done: number): void;
}

/**
 * How much the ranks of each update change the unit image features `f` of a model, pair by pair, to first
 * order: `[r, r]` with
 *
 *     Q = (A G Aᵀ) ∘ (Bᵀ S B)
 *     G = mean over tokens of x xᵀ,   S = mean over images of Σ_tokens Jᵀ J,   J = ∂f/∂y
 *
 * The output of the matrix at a token is `y = W x`; behind the last attention, the class token is the only
 * one. G is the input Gram, S the Gauss–Newton factor of the output. Then `sᵀ Q s` is about the mean of
 * `‖f(W + B diag(s) A) − f(W)‖²` over the images; tokens count as independent (K-FAC, arXiv:1503.05671;
 * section 3 of arXiv:1602.01407 for weights that are shared between places).
 * @param model without adapters, as it is before the updates
 * @param updates those of the image encoder's matrices; the text encoder's are left out
 * @returns float64 `[r, r]` on the CPU by the name of the matrix; they belong to the caller
 * @throws if the model has adapters, there is no image, or the signal is aborted
 */
export async function rankGrams(
  model: DualEncoder,
  updates: LowRankUpdates,
  options: RankGramOptions,
): Promise<Map<string, Tensor>> {
  checkOptions(options, { batches: true, probes: true, signal: true, onProgress: true }, "rankGrams");
  const { batches, probes, signal, onProgress } = options;
  const observed = observe(model, updates);
  let images = 0;
  let done = 0;
  try {
    for (const pixels of batches) {
      images += pixels.size(0);
      await torch.scope(async () => {
        const features = torch.enableGrad(() => torch.nn.functional.normalize(model.encodeImage(pixels)));
        const [count, width] = features.shape as [number, number];
        const directions = probes?.count ?? width;
        for (let direction = 0; direction < directions; direction++) {
          signal?.throwIfAborted();
          torch.scope(() => {
            const gradient = probes
              ? torch.randn([count, width], { generator: probes.generator }).to({ device: model.device })
              : coordinate(features, direction);
            const gradients = torch.grad(
              [features],
              observed.map(({ offset }) => offset as Tensor),
              { gradOutputs: [gradient], retainGraph: direction + 1 < directions },
            ) as Tensor[];
            const share = probes ? 1 / directions : 1; // E[g gᵀ] of drawn directions is the sum over coordinates
            for (const [i, layer] of observed.entries()) layer.addOutput(gradients[i] as Tensor, share);
          });
          onProgress?.(++done);
          await setImmediate();
        }
        for (const layer of observed) layer.addInput();
      });
    }
    if (images === 0)
      throw new Error("rankGrams: expected at least one image, got none. Pass batches that are not empty.");
    return torch.scope(() => new Map(observed.flatMap((layer) => layer.grams(images))));
  } finally {
    for (const layer of observed) layer.dispose();
  }
}

function coordinate(features: Tensor, direction: number): Tensor {
  const gradient = torch.zerosLike(features);
  gradient.select(1, direction).fill_(1);
  return gradient;
}

/** One matrix whose ranks are measured: its rows among those of the layer, and the sums so far. */
interface Part {
  readonly name: string;
  readonly from: number;
  readonly rows: number;
  readonly update: LowRankUpdate;
  readonly inputs: Tensor; // A (Σ x xᵀ) Aᵀ
  readonly outputs: Tensor; // Bᵀ (Σ Jᵀ J) B
}

function observe(model: DualEncoder, updates: LowRankUpdates): ObservedLayer[] {
  const layers = model.adaptableLayers().filter(({ encoder }) => encoder === "vision");
  if (layers.some(({ linear }) => linear.adapter !== undefined)) {
    throw new Error("rankGrams: expected an ordinary CLIP. Call merge() or remove() on its adapters first.");
  }
  return layers.flatMap(({ name, targets, linear }) => {
    const rows = linear.outFeatures / targets.length;
    const parts = targets.flatMap((target, i) => {
      const path = targets.length > 1 ? name.replace(/[^.]*$/, `${target}_proj`) : name;
      const update = updates.get(path);
      return update ? [{ name: path, from: i * rows, rows, update }] : [];
    });
    return parts.length > 0 ? [new ObservedLayer(linear, parts)] : [];
  });
}

/** A linear layer that keeps its input, and adds zeros to its output whose gradient is that of the output. */
class ObservedLayer implements torch.nn.LinearAdapter {
  offset: Tensor | undefined;
  readonly #parts: readonly Part[];
  #input: Tensor | undefined;
  #tokens = 0;

  constructor(
    readonly linear: torch.nn.Linear,
    parts: readonly Omit<Part, "inputs" | "outputs">[],
  ) {
    const { device } = linear.weight;
    this.#parts = torch.scope(() =>
      parts.map((part) => {
        const { loraA, loraB } = part.update;
        const rank = loraA.size(0);
        const update = {
          loraA: loraA.to({ device }).clone().keep(),
          loraB: loraB.to({ device }).clone().keep(),
        };
        const sum = (): Tensor => torch.zeros([rank, rank], { dtype: "float64", device }).keep();
        return { ...part, update, inputs: sum(), outputs: sum() };
      }),
    );
    linear.adapter = this;
  }

  forward(x: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor {
    const y = torch.linear(x, weight, bias ?? null);
    this.#release();
    this.#input = x.detach().keep(); // the model's blocks have scopes of their own
    this.offset = torch.zerosLike(y).requiresGrad_().keep();
    return y.add(this.offset);
  }

  /** @param gradient the output's gradient, along one direction of the features */
  addOutput(gradient: Tensor, share: number): void {
    const tokens = gradient.reshape([-1, gradient.size(-1)]);
    for (const { from, rows, update, outputs } of this.#parts) {
      const projected = tokens.narrow(1, from, rows).matmul(update.loraB); // [N·L, r]
      outputs.add_(gram(projected), { alpha: share });
    }
  }

  /** After all directions: the sums of the batch are complete. */
  addInput(): void {
    const input = this.#input as Tensor;
    torch.noGrad(() => {
      const tokens = input.reshape([-1, input.size(-1)]);
      this.#tokens += tokens.size(0);
      for (const { update, inputs } of this.#parts) inputs.add_(gram(tokens.matmul(update.loraA.t())));
    });
  }

  grams(images: number): [name: string, gram: Tensor][] {
    return this.#parts.map(({ name, inputs, outputs }) => [
      name,
      inputs.div(this.#tokens).mul(outputs.div(images)).to({ device: "cpu" }),
    ]);
  }

  #release(): void {
    this.#input?.dispose();
    this.offset?.dispose();
    this.#input = undefined;
    this.offset = undefined;
  }

  dispose(): void {
    this.linear.adapter = undefined;
    this.#release();
    for (const { update, inputs, outputs } of this.#parts) {
      for (const tensor of [update.loraA, update.loraB, inputs, outputs]) tensor.dispose();
    }
  }
}

/** @param rows `[n, r]`   @returns `rowsᵀ rows`, float64 `[r, r]` */
function gram(rows: Tensor): Tensor {
  return rows.t().matmul(rows).to({ dtype: "float64" });
}
