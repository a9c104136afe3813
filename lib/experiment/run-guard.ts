import type { DualEncoder } from "../clip/index.js";
import { type ComparisonData, compareMeasures, ModelMeasures } from "../guard/index.js";
import type { TaskGuard } from "../protocol/index.js";
import type { GuardConfig } from "./guard-config.js";

/**
 * Compares the model of a run with another one after every task. What the other one makes of the data is
 * measured once.
 */
export class RunGuard implements Disposable {
  readonly #base: ModelMeasures;

  /** @param base the model to compare with; it is disposed of with the guard */
  constructor(
    readonly config: GuardConfig,
    readonly data: ComparisonData,
    base: DualEncoder,
  ) {
    this.#base = new ModelMeasures(base, data, "the model before the stream", { protocol: config.protocol });
  }

  /** Measures a task; `run` calls it after each. */
  readonly measure: TaskGuard = async (model, options) => {
    const { protocol, limits, against } = this.config;
    using updated = new ModelMeasures(model, this.data, "the new model", { protocol, ...options });
    const found = await compareMeasures(updated, this.#base, limits);
    return { ...found, ...(against !== undefined && { against }) };
  };

  dispose(): void {
    this.#base.dispose();
    this.#base.model.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
