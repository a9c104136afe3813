import type { ImageSet } from "../data/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";

/** Keeps the features of whole sets. */
export interface FeatureStore {
  /** @returns `[images, D]`, or `undefined` where they are not there */
  read(images: ImageSet): Tensor | undefined;
  write(images: ImageSet, features: Tensor): void;
}

/** The features `[images, D]` of a set, of which a stretch is known. */
interface Known {
  readonly features: Tensor;
  readonly from: number;
  to: number;
}

/** Image features of one model that are computed once. */
export class FrozenFeatures implements Disposable {
  readonly #sets = new Map<ImageSet, Known>();

  /** @param store asked for sets that are not known yet, and told those that are complete */
  constructor(readonly store?: FeatureStore) {}

  /**
   * Features `[end − start, D]` of some images of a set. Kept are those of one stretch of it, which grows as
   * long as images are asked for in order.
   * @param encode computes them, where they are not known yet
   */
  of(images: ImageSet, start: number, end: number, encode: () => Tensor): Tensor {
    const found = this.#sets.get(images) ?? this.#stored(images);
    if (found !== undefined && found.from <= start && end <= found.to) {
      return found.features.narrow(0, start, end - start);
    }
    const computed = encode();
    const entry = found ?? this.#add(images, start, computed);
    if (start < entry.from || start > entry.to) return computed;
    torch.noGrad(() => entry.features.narrow(0, start, end - start).copy_(computed));
    entry.to = Math.max(entry.to, end);
    if (entry.from === 0 && entry.to === images.length) this.store?.write(images, entry.features);
    return computed;
  }

  dispose(): void {
    for (const { features } of this.#sets.values()) features.dispose();
    this.#sets.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #stored(images: ImageSet): Known | undefined {
    const features = this.store && torch.unscoped(() => this.store?.read(images));
    return features && this.#remember(images, { features, from: 0, to: images.length });
  }

  #add(images: ImageSet, from: number, like: Tensor): Known {
    const { device, dtype } = like;
    const features = torch.unscoped(() => torch.zeros([images.length, like.size(1)], { device, dtype }));
    return this.#remember(images, { features, from, to: from });
  }

  #remember(images: ImageSet, entry: Known): Known {
    this.#sets.set(images, entry);
    return entry;
  }
}
