import type { ImageSet } from "../data/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";

/** Image features that are computed once: of test images, for methods that never change the image encoder. */
export class FrozenFeatures implements Disposable {
  readonly #sets = new Map<ImageSet, { readonly features: Tensor; known: number }>();

  /**
   * Features `[end − start, D]` of some images of a set. Ask for a set from its beginning on, the first time.
   * @param encode computes them, where they are not known yet
   */
  of(images: ImageSet, start: number, end: number, encode: () => Tensor): Tensor {
    const found = this.#sets.get(images);
    if (found !== undefined && end <= found.known) return found.features.narrow(0, start, end - start);
    const computed = encode();
    const entry = found ?? this.#add(images, computed);
    torch.noGrad(() => entry.features.narrow(0, start, end - start).copy_(computed));
    entry.known = Math.max(entry.known, end);
    return computed;
  }

  dispose(): void {
    for (const { features } of this.#sets.values()) features.dispose();
    this.#sets.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #add(images: ImageSet, like: Tensor): { readonly features: Tensor; known: number } {
    const { device, dtype } = like;
    const features = torch.unscoped(() => torch.zeros([images.length, like.size(1)], { device, dtype }));
    const entry = { features, known: 0 };
    this.#sets.set(images, entry);
    return entry;
  }
}
