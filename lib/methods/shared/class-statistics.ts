import type { Generator, Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { sum } from "./sums.js";
import type { LabelGroup, MethodState } from "./types.js";

/**
 * The kept scatter of features around the mean of their class: one covariance of all classes, the variances
 * of each class, or nothing.
 */
export type CovarianceKind = "shared" | "diagonal" | "none";

/** Added to the diagonal of the covariance, so that it has a Cholesky factor also where images are few. */
const jitter = 1e-5;

/**
 * Statistics of the image features of learned classes, in place of their images. Each class has a mean, and
 * one within-class covariance is pooled over all images. Gaussian replay in class-incremental learning: SLCA,
 * arXiv:2303.05118; RAPF, arXiv:2407.14143.
 */
export class ClassStatistics implements Disposable {
  #groups: readonly LabelGroup[] = [];
  #images: readonly number[] = []; // of each class
  #means: Tensor | undefined; // μ, [classes, D]
  #spread: Tensor | undefined; // Σ, [D, D], or the variances of each class, [classes, D]
  #factor: Tensor | undefined; // Lᵀ of Σ + jitter I = L Lᵀ, [D, D]; worked out when first needed

  constructor(readonly covariance: CovarianceKind) {}

  /** Learned classes, dataset by dataset; they are numbered through all datasets. */
  get groups(): readonly LabelGroup[] {
    return this.#groups;
  }

  get classes(): number {
    return this.#images.length;
  }

  /** Whether there was an image of a class: without one it has no mean. */
  hasMean(index: number): boolean {
    return (this.#images[index] as number) > 0;
  }

  /** Means of the classes, `[classes, D]`; `undefined` before the first dataset. */
  get means(): Tensor | undefined {
    return this.#means;
  }

  /**
   * Σ `[D, D]` (`shared`), variances `[classes, D]` (`diagonal`); `undefined` with `none`, and before the
   * first dataset.
   */
  get spread(): Tensor | undefined {
    return this.#spread;
  }

  /**
   * Adds a dataset: `μ_c` is the mean of the features of class c, not normalised, and
   * `Σ ← (N Σ + Σ_i (f_i − μ_{y_i}) (f_i − μ_{y_i})ᵀ) / (N + n)` over N earlier and n new images.
   * @param features unit vectors `[n, D]`   @param labels `int64 [n]`, indices into the group's classes
   */
  learn(group: LabelGroup, features: Tensor, labels: Tensor): void {
    const { name, classes, templates } = group;
    const [means, spread, counts] = torch.noGrad(() =>
      torch.scope(() => {
        const exact = features.to({ dtype: "float64" });
        const { means: mean, counts } = meansByLabel(exact, labels, classes.length);
        const residual = exact.sub(mean.indexSelect(0, labels));
        const means =
          this.#means === undefined ? mean : torch.cat([this.#means.to({ dtype: "float64" }), mean]);
        return [means.float(), this.#spreadWith(residual, labels, counts)?.float(), counts] as const;
      }),
    );
    const images = torch.scope(() => Array.from(counts.toTypedArray() as Float64Array));
    counts.dispose();
    this.#replace(means, spread);
    this.#groups = [...this.#groups, { name, classes, templates: templates.slice(0, 1) }];
    this.#images = [...this.#images, ...images];
  }

  /**
   * Pseudo-features of classes, with fresh noise.
   * @param classes `int64 [M]`   @returns unit vectors `[M, D]`
   */
  draw(classes: Tensor, generator: Generator): Tensor {
    return torch.noGrad(() =>
      torch.scope(() => {
        const { device, shape } = this.#means as Tensor;
        const noise = torch.randn([classes.size(0), shape[1] as number], { generator, device });
        return this.pseudoFeatures(classes, noise);
      }),
    );
  }

  /**
   * `unit(μ_k + L ε)`, `L Lᵀ = Σ + 1e-5 I`; with variances of each class `σ_k ε`, with the covariance `none`
   * μ_k alone.
   * @param classes k, `int64 [M]`   @param noise ε, `[M, D]`   @returns unit vectors `[M, D]`
   */
  pseudoFeatures(classes: Tensor, noise: Tensor): Tensor {
    return torch.scope(() => {
      const means = (this.#means as Tensor).indexSelect(0, classes);
      return torch.nn.functional.normalize(means.add(this.#scatter(noise, classes)));
    });
  }

  /**
   * Moves the means along with an image encoder that was trained: `μ ← μ + μ R`. The movement of the images
   * at hand gives the ridge regression `R = (K + λ mean(diag K) I)⁻¹ Vᵀ(V' − V)/n`, `K = VᵀV/n`. Drift
   * compensation as in SDC, arXiv:2004.00440, and LDC, arXiv:2407.08536, with a linear map.
   * @param before V, unit features `[n, D]`   @param after V', of the same images now   @param ridge λ
   */
  compensate(before: Tensor, after: Tensor, ridge: number): void {
    const means = this.#means;
    if (means === undefined) return;
    const moved = torch.noGrad(() =>
      torch.scope(() => {
        const map = driftMap(before, after, ridge);
        const exact = means.to({ dtype: "float64" });
        return exact.add(exact.mm(map)).float();
      }),
    );
    this.#replace(moved, this.#spread);
  }

  state(): MethodState {
    const tensors = new Map<string, Tensor>();
    if (this.#means !== undefined) tensors.set("statistics.means", this.#means);
    if (this.#spread !== undefined) tensors.set("statistics.spread", this.#spread);
    return { tensors, data: { groups: this.#groups, images: this.#images, covariance: this.covariance } };
  }

  /** @throws if the statistics are of another kind of covariance */
  loadState({ tensors, data }: MethodState): void {
    if (data.covariance !== this.covariance) {
      throw new Error(
        `Statistics of earlier classes: expected the covariance '${this.covariance}', got '${data.covariance}'. ` +
          "Set the option covariance to what they were made with.",
      );
    }
    this.#groups = data.groups as LabelGroup[];
    this.#images = data.images as number[];
    this.#replace(tensors.get("statistics.means")?.clone(), tensors.get("statistics.spread")?.clone());
  }

  dispose(): void {
    this.#replace(undefined, undefined);
    this.#groups = [];
    this.#images = [];
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #spreadWith(residual: Tensor, labels: Tensor, counts: Tensor): Tensor | undefined {
    const earlier = this.#spread?.to({ dtype: "float64" });
    if (this.covariance === "none") return undefined;
    if (this.covariance === "diagonal") {
      const squares = sumByLabel(residual.square(), labels, counts.size(0));
      const variances = squares.div(counts.clampMin(1).unsqueeze(1));
      return earlier === undefined ? variances : torch.cat([earlier, variances]);
    }
    const scatter = residual.t().mm(residual);
    const [before, added] = [sum(this.#images), residual.size(0)];
    return (earlier === undefined ? scatter : scatter.add(earlier.mul(before))).div(before + added);
  }

  #scatter(noise: Tensor, classes: Tensor): Tensor {
    const spread = this.#spread;
    if (spread === undefined) return torch.zerosLike(noise);
    if (this.covariance === "diagonal") return noise.mul(spread.indexSelect(0, classes).sqrt());
    this.#factor ??= torch.scope(() => {
      const padded = spread.to({ dtype: "float64" }).add(torch.eye(spread.size(0), like(spread)).mul(jitter));
      return torch.linalgCholesky(padded).float().t().contiguous();
    });
    this.#factor.keep();
    return noise.mm(this.#factor);
  }

  #replace(means: Tensor | undefined, spread: Tensor | undefined): void {
    if (means !== this.#means) this.#means?.dispose();
    if (spread !== this.#spread) this.#spread?.dispose();
    this.#factor?.dispose();
    this.#factor = undefined;
    this.#means = means?.keep();
    this.#spread = spread?.keep();
  }
}

/** R of `ClassStatistics.compensate`, float64 `[D, D]`: rows of features move by `f R`. */
export function driftMap(before: Tensor, after: Tensor, ridge: number): Tensor {
  return torch.scope(() => {
    const [v, moved] = [before.to({ dtype: "float64" }), after.to({ dtype: "float64" })];
    const count = v.size(0);
    const gram = v.t().mm(v).div(count); // K
    const padding = torch.eye(gram.size(0), like(gram)).mul(gram.trace().mul(ridge / gram.size(0)));
    return torch.linalgSolve(gram.add(padding), v.t().mm(moved.sub(v)).div(count));
  });
}

/** Images of each class, float64 `[classes]`. */
function countLabels(labels: Tensor, classes: number): Tensor {
  const ones = torch.ones([labels.size(0)], { dtype: "float64", device: labels.device });
  return torch.zeros([classes], { dtype: "float64", device: labels.device }).indexAdd(0, labels, ones);
}

/**
 * Means of rows with the same label, and how many there are; a class without rows has the mean zero.
 * @param rows float64 `[n, D]`   @param labels `int64 [n]`   @returns float64 `[classes, D]` and `[classes]`
 */
export function meansByLabel(
  rows: Tensor,
  labels: Tensor,
  classes: number,
): { readonly means: Tensor; readonly counts: Tensor } {
  const counts = countLabels(labels, classes);
  return { means: sumByLabel(rows, labels, classes).div(counts.clampMin(1).unsqueeze(1)), counts };
}

/** Sums of rows with the same label, `[classes, D]`. */
function sumByLabel(rows: Tensor, labels: Tensor, classes: number): Tensor {
  return torch
    .zeros([classes, rows.size(1)], { dtype: rows.dtype, device: rows.device })
    .indexAdd(0, labels, rows);
}

function like({ device }: Tensor): { readonly dtype: "float64"; readonly device: torch.Device } {
  return { dtype: "float64", device };
}
