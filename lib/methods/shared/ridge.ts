import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import type { MethodState } from "./types.js";

/** A regression from features to one-hot classes in closed form, which learns classes little by little. */
export interface Regression {
  /**
   * Learns labelled features; new classes come after all earlier ones.
   * @param features `[n, D]`
   * @param labels `int64 [n]`, columns over all classes
   * @param classes how many there are now
   */
  learn(features: Tensor, labels: Tensor, classes: number): void;
  /** @returns scores `[n, classes]` of the classes learned so far */
  scores(features: Tensor): Tensor;
  state(): MethodState;
  loadState(state: MethodState): void;
  /** The state when only the first classes were learned, from a later one; `undefined` where it is lost. */
  stateBefore(classes: number, later: MethodState): MethodState | undefined;
  /**
   * The part of a state that scores need, without the part that only learning needs. `loadState` takes it.
   */
  scoredPart(state: MethodState): MethodState;
  dispose(): void;
}

export interface RidgeOptions {
  /** The ridge coefficient λ. */
  readonly lambda: number;
}

/**
 * Ridge regression learned batch by batch: after every batch `W = (Σ ΦᵀΦ + λI)⁻¹ Σ ΦᵀY`, as if all rows had
 * come at once. RAIL, arXiv:2406.18868, theorem 1. With `R = (Σ ΦᵀΦ + λI)⁻¹`, by the Woodbury identity,
 *
 *     R ← R − RΦᵀ (I + ΦRΦᵀ)⁻¹ ΦR,   W ← W + RΦᵀ (Y − ΦW)
 *
 * starting from R = I/λ and W = 0. All in float64: R shrinks by differences.
 */
export class RecursiveRidge implements Regression {
  readonly #batchSize = 128;
  #inverse: Tensor | undefined; // R, [D, D]
  #weights: Tensor | undefined; // W, [D, classes]

  constructor(readonly options: RidgeOptions) {}

  learn(features: Tensor, labels: Tensor, classes: number): void {
    for (let start = 0; start < features.size(0); start += this.#batchSize) {
      const count = Math.min(this.#batchSize, features.size(0) - start);
      this.#learnBatch(features.narrow(0, start, count), labels.narrow(0, start, count), classes);
    }
  }

  scores(features: Tensor): Tensor {
    return torch.scope(() =>
      features
        .to({ dtype: "float64" })
        .mm(this.#weights as Tensor)
        .float(),
    );
  }

  state(): MethodState {
    if (this.#inverse === undefined || this.#weights === undefined) return { tensors: new Map(), data: {} };
    return {
      tensors: new Map([
        ["ridge.inverse", this.#inverse],
        ["ridge.weights", this.#weights],
      ]),
      data: {},
    };
  }

  loadState({ tensors }: MethodState): void {
    const [inverse, weights] = [tensors.get("ridge.inverse"), tensors.get("ridge.weights")];
    if (weights !== undefined) this.#replace(inverse?.clone(), weights.clone());
  }

  /** Weights of earlier classes change with every batch. */
  stateBefore(): undefined {
    return undefined;
  }

  scoredPart({ tensors, data }: MethodState): MethodState {
    const weights = Array.from(tensors).filter(([name]) => name === "ridge.weights");
    return { tensors: new Map(weights), data };
  }

  dispose(): void {
    this.#inverse?.dispose();
    this.#weights?.dispose();
    this.#inverse = undefined;
    this.#weights = undefined;
  }

  #learnBatch(features: Tensor, labels: Tensor, classes: number): void {
    torch.noGrad(() =>
      torch.scope(() => {
        const phi = features.to({ dtype: "float64" }); // [n, D]
        const [rows, width] = phi.shape as [number, number];
        const like = { dtype: "float64", device: phi.device } as const;
        const inverse = this.#inverse ?? torch.eye(width, like).div_(this.options.lambda);
        const known = this.#weights;
        const added = classes - (known?.size(1) ?? 0);
        const padding = torch.zeros([width, added], like);
        const weights = known === undefined ? padding : torch.cat([known, padding], 1);

        const projected = phi.mm(inverse); // ΦR, [n, D]
        const inner = projected.mm(phi.t()).add(torch.eye(rows, like)); // I + ΦRΦᵀ
        const solved = torch.choleskySolve(projected, torch.linalgCholesky(inner)); // (I + ΦRΦᵀ)⁻¹ ΦR
        const nextInverse = torch.addmm(inverse, projected.t(), solved, { alpha: -1 });
        const targets = oneHot(labels, classes, like);
        const residual = targets.sub(phi.mm(weights)); // Y − ΦW
        const nextWeights = weights.add(nextInverse.mm(phi.t().mm(residual)));
        this.#replace(nextInverse, nextWeights);
      }),
    );
  }

  #replace(inverse: Tensor | undefined, weights: Tensor): void {
    this.dispose();
    this.#inverse = inverse?.keep();
    this.#weights = weights.keep();
  }
}

/**
 * Kernel ridge regression over everything learned: `scores(x) = k(x, X) (K + λI)⁻¹ Y` with `k(x, x') = exp(−γ
 * ‖x − x'‖²)`. It keeps all features. RAIL, arXiv:2406.18868, section 4.2.
 */
export class KernelRidge implements Regression {
  #features: Tensor | undefined; // X, [n, D]
  #labels: Tensor | undefined; // int64 [n]
  #classes = 0;
  #coefficients: Tensor | undefined; // α, [n, classes]; solved when first asked for

  constructor(readonly options: RidgeOptions & { /** γ of the kernel. */ readonly gamma: number }) {}

  learn(features: Tensor, labels: Tensor, classes: number): void {
    const [allFeatures, allLabels] = torch.scope(() => [
      torch.cat(this.#features === undefined ? [features] : [this.#features, features]),
      torch.cat(this.#labels === undefined ? [labels] : [this.#labels, labels]),
    ]) as [Tensor, Tensor];
    this.#replace(allFeatures, allLabels, classes);
  }

  scores(features: Tensor): Tensor {
    return torch.scope(() => {
      this.#coefficients ??= this.#solve().keep();
      return this.#kernel(features, this.#features as Tensor)
        .mm(this.#coefficients)
        .float();
    });
  }

  state(): MethodState {
    if (this.#features === undefined || this.#labels === undefined) return { tensors: new Map(), data: {} };
    return {
      tensors: new Map([
        ["kernel.features", this.#features],
        ["kernel.labels", this.#labels],
      ]),
      data: { classes: this.#classes },
    };
  }

  loadState({ tensors, data }: MethodState): void {
    const [features, labels] = [tensors.get("kernel.features"), tensors.get("kernel.labels")];
    if (features === undefined) return;
    this.#replace(features.clone(), labels?.clone(), data.classes as number);
    this.#coefficients = tensors.get("kernel.coefficients")?.clone().keep();
  }

  /** The first rows of what is kept: rows come in the order of the tasks. */
  stateBefore(classes: number, { tensors }: MethodState): MethodState | undefined {
    const [features, labels] = [tensors.get("kernel.features"), tensors.get("kernel.labels")];
    if (features === undefined || labels === undefined) return undefined;
    const rows = torch.scope(() => Number(labels.lt(classes).sum().item()));
    const kept = new Map([
      ["kernel.features", features.narrow(0, 0, rows)],
      ["kernel.labels", labels.narrow(0, 0, rows)],
    ]);
    return { tensors: kept, data: { classes } };
  }

  /** Features and coefficients: solving for these again takes the cube of the number of images. */
  scoredPart(state: MethodState): MethodState {
    const solved = new KernelRidge(this.options);
    try {
      solved.loadState(state);
      if (solved.#features === undefined) return state;
      const tensors = new Map([
        ["kernel.features", solved.#features.clone()],
        ["kernel.coefficients", torch.noGrad(() => solved.#solve())],
      ]);
      return { tensors, data: state.data };
    } finally {
      solved.dispose();
    }
  }

  dispose(): void {
    for (const tensor of [this.#features, this.#labels, this.#coefficients]) tensor?.dispose();
    this.#features = undefined;
    this.#labels = undefined;
    this.#coefficients = undefined;
  }

  #solve(): Tensor {
    return torch.scope(() => {
      const features = this.#features as Tensor;
      const kernel = this.#kernel(features, features);
      const like = { dtype: "float64", device: kernel.device } as const;
      kernel.add_(torch.eye(kernel.size(0), like), { alpha: this.options.lambda });
      const targets = oneHot(this.#labels as Tensor, this.#classes, like);
      return torch.choleskySolve(targets, torch.linalgCholesky(kernel));
    });
  }

  #kernel(a: Tensor, b: Tensor): Tensor {
    const [x, y] = [a.to({ dtype: "float64" }), b.to({ dtype: "float64" })];
    return torch.cdist(x, y).square().mul(-this.options.gamma).exp();
  }

  #replace(features: Tensor, labels: Tensor | undefined, classes: number): void {
    this.dispose();
    this.#features = features.keep();
    this.#labels = labels?.keep();
    this.#classes = classes;
  }
}

function oneHot(
  labels: Tensor,
  classes: number,
  options: { readonly dtype: torch.DType; readonly device: torch.Device },
): Tensor {
  return torch.zeros([labels.size(0), classes], options).scatter(1, labels.unsqueeze(1), 1);
}
