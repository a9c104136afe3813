import type { ContinualMethod } from "../methods/index.js";
import type { FeatureFiles } from "./feature-files.js";
import { FrozenFeatures } from "./frozen-features.js";

/**
 * Image features of test images for every row of a matrix. They are those of the model of that row, or of one
 * model for all rows where the method never changes the image encoder.
 */
export class TestFeatures implements Disposable {
  #row: number | undefined;
  #features: FrozenFeatures | undefined;

  /** @param files keep features from one process to the next */
  constructor(
    readonly method: ContinualMethod,
    readonly files?: FeatureFiles,
  ) {}

  /**
   * Those of the model after a task; −1 is before the first. They are good until another task's are asked
   * for.
   * @returns `undefined` where keeping them saves nothing
   */
  of(task: number): FrozenFeatures | undefined {
    const { featureClassifier, keepsImageEncoder } = this.method;
    if (featureClassifier === undefined || (!keepsImageEncoder && this.files === undefined)) return undefined;
    const row = keepsImageEncoder ? -1 : task;
    if (this.#features === undefined || row !== this.#row) {
      this.dispose();
      this.#features = new FrozenFeatures(this.files?.of(row));
      this.#row = row;
    }
    return this.#features;
  }

  dispose(): void {
    this.#features?.dispose();
    this.#features = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
