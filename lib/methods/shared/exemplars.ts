import { ImageSet } from "../../data/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import type { MethodState } from "./types.js";

/**
 * Herding: picks, one after another, the example that brings the mean of the picked ones nearest to the mean of all:
 * `argmin_i ‖μ − (φ_i + Σ_{picked} φ) / k‖²`. iCaRL, arXiv:1611.07725, algorithm 4. What it keeps belongs to the scope it is made in.
 */
export class Herding {
  readonly #mean: Tensor;
  readonly #sum: Tensor; // of the picked ones
  readonly #taken: Tensor; // bool [n]
  #count = 0;

  /** @param features `[n, D]` */
  constructor(readonly features: Tensor) {
    this.#mean = features.mean([0]);
    this.#sum = torch.zerosLike(this.#mean);
    this.#taken = torch.zeros([features.size(0)], { dtype: "bool", device: features.device });
  }

  /** The index of the next example. @throws if there is none left */
  next(): number {
    if (this.#count === this.features.size(0)) {
      throw new RangeError(`Herding: all ${this.#count} examples were picked. Ask for as many as there are.`);
    }
    return torch.noGrad(() =>
      torch.scope(() => {
        const means = this.features.add(this.#sum).div(++this.#count);
        const distances = means.sub(this.#mean).square().sum([1]);
        const next = Number(distances.maskedFill(this.#taken, Number.POSITIVE_INFINITY).argmin().item());
        this.#sum.add_(this.features.select(0, next));
        this.#taken.select(0, next).fill_(1);
        return next;
      }),
    );
  }
}

/** Images of earlier tasks, within a budget that all tasks share equally. */
export class ExemplarMemory {
  readonly #perTask: Tensor[] = []; // uint8 [n, 3, S, S], best first

  /** @param budget images in all */
  constructor(readonly budget: number) {}

  get length(): number {
    return this.#perTask.reduce((count, images) => count + images.size(0), 0);
  }

  /** How many images a task may keep when there are this many tasks. */
  quota(tasks: number): number {
    return Math.floor(this.budget / tasks);
  }

  /** Adds the images of one more task, and shortens those of the others to what is left for them. @param images best first */
  add(images: Tensor): void {
    this.#perTask.push(images);
    const quota = this.quota(this.#perTask.length);
    for (const [i, kept] of this.#perTask.entries()) {
      if (kept.size(0) <= quota) continue;
      this.#perTask[i] = torch.scope(() => kept.narrow(0, 0, quota).clone()).keep();
      kept.dispose();
    }
  }

  /** All images, task by task. The caller owns the set. */
  images(): ImageSet {
    return torch.scope(() => {
      const images = torch.cat(this.#perTask);
      const labels = torch.zeros([images.size(0)], { dtype: "int64" });
      return new ImageSet({ images, labels, fingerprint: "" });
    });
  }

  state(): MethodState {
    return { tensors: new Map(this.#perTask.map((images, i) => [`exemplars.${i}`, images])), data: {} };
  }

  loadState({ tensors }: MethodState): void {
    this.dispose();
    for (let i = 0; tensors.has(`exemplars.${i}`); i++) {
      this.#perTask.push(torch.unscoped(() => (tensors.get(`exemplars.${i}`) as Tensor).clone()));
    }
  }

  dispose(): void {
    for (const images of this.#perTask.splice(0)) images.dispose();
  }
}
