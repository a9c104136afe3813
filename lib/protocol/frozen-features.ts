import type { ImageSet } from "../data/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { gatherStretches, type Stretch } from "./gather-stretches.js";

/** Keeps the features of whole sets. */
export interface FeatureStore {
  /** @returns `[images, D]`, or `undefined` where they are not there */
  read(images: ImageSet): Tensor | undefined;
  write(images: ImageSet, features: Tensor): void;
}

/** The features `[images, D]` of a set, of which a stretch is known. */
interface Known extends Stretch {
  to: number;
}

/**
 * Image features of one model that are computed once. Each of several processes keeps those of its own
 * images.
 */
export class FrozenFeatures implements Disposable {
  readonly #sets = new Map<ImageSet, Known>();
  readonly #begun = new Set<ImageSet>();
  readonly #stored = new Set<ImageSet>();

  /** @param store asked for sets that are not known yet, and told those that are complete */
  constructor(readonly store?: FeatureStore) {}

  /** Takes over a set from the store. All processes call it before they ask for images. */
  begin(images: ImageSet): void {
    if (this.store === undefined || this.#begun.has(images)) return;
    this.#begun.add(images);
    const rows = torch.unscoped(() => torch.scope(() => this.store?.read(images)));
    if (rows === undefined) return;
    this.#stored.add(images);
    this.#sets.set(images, { rows, from: 0, to: images.length });
  }

  /** Gives a set to the store, once it is complete. All processes call it after their last image. */
  finish(images: ImageSet): void {
    if (this.store === undefined || this.#stored.has(images)) return;
    torch.scope(() => {
      const whole = gatherStretches(this.#sets.get(images), images.length);
      if (whole !== undefined) this.store?.write(images, whole);
    });
    this.#stored.add(images);
  }

  /**
   * Features `[end − start, D]` of some images of a set. Kept are those of one stretch of it, which grows as
   * long as images are asked for in order.
   * @param encode computes them, where they are not known yet
   */
  of(images: ImageSet, start: number, end: number, encode: () => Tensor): Tensor {
    const found = this.#sets.get(images);
    if (found !== undefined && found.from <= start && end <= found.to) {
      return found.rows.narrow(0, start, end - start);
    }
    const computed = encode();
    const entry = found ?? this.#add(images, start, computed);
    if (start < entry.from || start > entry.to) return computed;
    torch.noGrad(() => entry.rows.narrow(0, start, end - start).copy_(computed));
    entry.to = Math.max(entry.to, end);
    return computed;
  }

  dispose(): void {
    for (const { rows } of this.#sets.values()) rows.dispose();
    this.#sets.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #add(images: ImageSet, from: number, like: Tensor): Known {
    const { device, dtype } = like;
    const rows = torch.unscoped(() => torch.zeros([images.length, like.size(1)], { device, dtype }));
    const entry = { rows, from, to: from };
    this.#sets.set(images, entry);
    return entry;
  }
}
