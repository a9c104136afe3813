import { Random } from "../../data/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { meansByLabel } from "./class-statistics.js";

/** How image features lie to text features, estimated on the classes at hand. */
export interface ImageTextMap {
  /** Mean of the class means of image features, `[D]`. */
  readonly imageMean: Tensor;
  /** Mean of the class texts, `[D]`. */
  readonly textMean: Tensor;
  /** How far a class mean lies from the image mean for each unit that its text lies from the text mean. */
  readonly scale: number;
}

/**
 * The least-squares scale α of `μ_c − m_I ≈ α (u_c − m_T)` over classes.
 * @param means μ, means of image features `[C, D]`   @param texts u, text features `[C, D]`
 */
export function fitImageTextMap(means: Tensor, texts: Tensor): ImageTextMap {
  const [imageMean, textMean] = [means.mean([0]), texts.mean([0])];
  const [x, y] = [texts.sub(textMean), means.sub(imageMean)];
  const scale = Number(x.mul(y).sum().item()) / Math.max(Number(x.square().sum().item()), 1e-12);
  return { imageMean, textMean, scale };
}

/**
 * Generic words as images: `unit(m_I + α (u⁰_j − m_T) + r)`, with the residual r of a random image at hand.
 * No class that is learned should claim them.
 */
export class WordImages implements Disposable {
  readonly #map: ImageTextMap;
  readonly #residuals: Tensor; // [crops · n, D]

  /**
   * @param features unit features of images `[crops, n, D]`   @param labels `int64 [n]`
   * @param texts text features of the classes, `[C, D]`
   */
  constructor(features: Tensor, labels: Tensor, texts: Tensor) {
    const made = torch.noGrad(() =>
      torch.scope(() => {
        const [crops, , width] = features.shape as [number, number, number];
        const rows = features.reshape([-1, width]);
        const classes = labels.repeat([crops]);
        const { means: exact, counts } = meansByLabel(rows.to({ dtype: "float64" }), classes, texts.size(0));
        const means = exact.float();
        const isThere = counts.gt(0).nonzero().squeeze(1);
        const map = fitImageTextMap(means.indexSelect(0, isThere), texts.indexSelect(0, isThere));
        return {
          residuals: rows.sub(means.indexSelect(0, classes)).keep(),
          map: { ...map, imageMean: map.imageMean.keep(), textMean: map.textMean.keep() },
        };
      }),
    );
    this.#residuals = made.residuals;
    this.#map = made.map;
  }

  /**
   * @param words u⁰, text features of words `[J, D]`
   * @param seed for the residuals
   * @returns unit vectors `[J, D]`
   */
  draw(words: Tensor, seed: string): Tensor {
    const random = new Random(seed);
    const rows = Array.from({ length: words.size(0) }, () => random.integer(this.#residuals.size(0)));
    return torch.noGrad(() =>
      torch.scope(() => {
        const { imageMean, textMean, scale } = this.#map;
        const picked = torch.tensor(rows, { dtype: "int64", device: words.device });
        const moved = words.sub(textMean).mul(scale).add(imageMean);
        return torch.nn.functional.normalize(moved.add(this.#residuals.indexSelect(0, picked)));
      }),
    );
  }

  [Symbol.dispose](): void {
    for (const tensor of [this.#residuals, this.#map.imageMean, this.#map.textMean]) tensor.dispose();
  }
}
