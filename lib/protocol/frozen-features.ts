import type { ImageSet } from "../data/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";

/** Where the features of whole sets are kept. */
export interface FeatureStore {
  /** @returns `[images, D]`, or `undefined` where they are not there */
  read(images: ImageSet): Tensor | undefined;
  write(images: ImageSet, features: Tensor): void;
}

/** Image features of one model that are computed once. */
export class FrozenFeatures implements Disposable {
  readonly #sets = new Map<ImageSet, { readonly features: Tensor; known: number }>();

  /** @param store asked for sets that are not known yet, and told those that are complete */
  constructor(readonly store?: FeatureStore) {}

  /**
   * Features `[end − start, D]` of some images of a set. Ask for a set from its beginning on, the first time.
   * @param encode computes them, where they are not known yet
   */
  of(images: ImageSet, start: number, end: number, encode: () => Tensor): Tensor {
    const found = this.#sets.get(images) ?? this.#stored(images);
    if (found !== undefined && end <= found.known) {
      return found.features.narrow(0, start, end - start);
    }
    const computed = encode();
    const entry = found ?? this.#add(images, computed);
    torch.noGrad(() => entry.features.narrow(0, start, end - start).copy_(computed));
    entry.known = Math.max(entry.known, end);
    if (entry.known === images.length) this.store?.write(images, entry.features);
    return computed;
  }

  dispose(): void {
    for (const { features } of this.#sets.values()) features.dispose();
    this.#sets.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #stored(images: ImageSet): { readonly features: Tensor; known: number } | undefined {
    const features = this.store && torch.unscoped(() => this.store?.read(images));
    return features && this.#remember(images, features, images.length);
  }

  #add(images: ImageSet, like: Tensor): { readonly features: Tensor; known: number } {
    const { device, dtype } = like;
    const features = torch.unscoped(() => torch.zeros([images.length, like.size(1)], { device, dtype }));
    return this.#remember(images, features, 0);
  }

  #remember(images: ImageSet, features: Tensor, known: number) {
    const entry = { features, known };
    this.#sets.set(images, entry);
    return entry;
  }
}
