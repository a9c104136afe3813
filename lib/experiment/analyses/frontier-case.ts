import type { DualEncoder } from "../../clip/index.js";
import type { ImageSet } from "../../data/index.js";
import type { LowRankUpdates } from "../../lora/index.js";
import type { TestSet } from "../../protocol/index.js";
import type { WorkObserver } from "../observer.js";
import type { RunClassifier } from "./run-classifier.js";

/** One dataset, learned from one model with one seed. */
export interface FrontierCase {
  readonly seed: number;
  readonly dataset: string;
  /** As it was before the dataset was learned. */
  readonly before: DualEncoder;
  /** The updates that were learned, of both encoders. */
  readonly updates: LowRankUpdates;
  readonly train: ImageSet;
  readonly stream: readonly TestSet[];
  /** The run's own classifier before or after the dataset; absent where the model reads all names. */
  readonly classifier?: (when: "before" | "after", model: DualEncoder) => RunClassifier | undefined;
}

export interface CaseSource {
  readonly source: string;
  readonly method: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** How many cases there will be. */
  readonly count: number;
  /** One after the other; the model and the updates of a case are released when the next one is asked for. */
  cases(): AsyncGenerator<FrontierCase>;
}

/** An observer of a long analysis. */
export interface AnalysisWatch {
  readonly progress: WorkObserver;
  readonly signal: AbortSignal;
}

export function release(updates: LowRankUpdates): void {
  for (const { loraA, loraB } of updates.values()) {
    loraA.dispose();
    loraB.dispose();
  }
}
