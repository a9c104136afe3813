import type { ModelSettings } from "../models.js";
import type { WorkObserver } from "../observer.js";

/** What every analysis of a finished run takes. */
export interface RunAnalysisOptions {
  /** Where the model that the run started from is now, if it has moved. It is checked. */
  readonly model?: Partial<ModelSettings>;
  readonly observer?: Partial<WorkObserver>;
}
