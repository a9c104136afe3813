import { ImageSet } from "../../data/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { sum } from "./sums.js";
import type { MethodState } from "./types.js";

/**
 * Herding: picks, one after another, the example that brings the mean of the picked ones nearest to the mean
 * of all: `argmin_i ‖μ − (φ_i + Σ_{picked} φ) / k‖²`. iCaRL, arXiv:1611.07725, algorithm 4. What it keeps
 * belongs to the scope it is made in.
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
        this.#take(next);
        return next;
      }),
    );
  }

  /** Goes on after these examples, in the order in which `next` gave them. */
  resume(picked: readonly number[]): void {
    torch.noGrad(() =>
      torch.scope(() => {
        for (const example of picked) this.#take(example);
      }),
    );
    this.#count += picked.length;
  }

  #take(example: number): void {
    this.#sum.add_(this.features.select(0, example));
    this.#taken.select(0, example).fill_(1);
  }
}

/** Images of earlier tasks, within a budget that all tasks share equally. */
export class ExemplarMemory {
  #images: Tensor | undefined; // uint8 [n, 3, S, S], task by task, best first
  #sizes: readonly number[] = []; // how many are of each task

  /** @param budget images in all */
  constructor(readonly budget: number) {}

  get length(): number {
    return sum(this.#sizes);
  }

  /** How many images a task may keep when there are this many tasks. */
  quota(tasks: number): number {
    return Math.floor(this.budget / tasks);
  }

  /**
   * Adds the images of one more task, and shortens those of the others to what is left for them.
   * @param images best first; copied
   */
  add(images: Tensor): void {
    const quota = this.quota(this.#sizes.length + 1);
    const sizes = [...this.#sizes, images.size(0)].map((size) => Math.min(size, quota));
    const kept = torch.scope(() => {
      const before = this.#perTask().map((ofTask, i) => ofTask.narrow(0, 0, sizes[i] as number));
      return torch.cat([...before, images.narrow(0, 0, sizes.at(-1) as number)]);
    });
    this.#replace(kept, sizes);
  }

  /** All images, task by task, without a copy of them. The caller owns the set. */
  images(): ImageSet {
    return torch.scope(() => {
      const images = (this.#images as Tensor).narrow(0, 0, this.length);
      const labels = torch.zeros([this.length], { dtype: "int64" });
      return new ImageSet({ images, labels, fingerprint: "" });
    });
  }

  state(): MethodState {
    const tensors = new Map(this.#images === undefined ? [] : [["exemplars", this.#images]]);
    return { tensors, data: { exemplars: this.#sizes } };
  }

  loadState({ tensors, data }: MethodState): void {
    const images = tensors.get("exemplars");
    if (images !== undefined) this.#replace(images.clone(), data.exemplars as number[]);
  }

  dispose(): void {
    this.#images?.dispose();
    this.#images = undefined;
    this.#sizes = [];
  }

  /** Views. */
  #perTask(): Tensor[] {
    return this.#images === undefined ? [] : this.#images.split([...this.#sizes], 0);
  }

  #replace(images: Tensor, sizes: readonly number[]): void {
    this.dispose();
    this.#images = images.keep();
    this.#sizes = sizes;
  }
}
