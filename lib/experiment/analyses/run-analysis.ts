import type { ModelSettings } from "../models.js";
import type { WorkObserver } from "../observer.js";

/** Settings of every analysis of a finished run. */
export interface RunAnalysisOptions {
  /** Path of the model that the run started from, if it has moved. Its weights are compared. */
  readonly model?: Partial<ModelSettings>;
  readonly observer?: Partial<WorkObserver>;
}
