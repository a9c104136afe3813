import type { AnalysisWatch, CaseSource } from "./frontier-case.js";
import { casesOfConfig, casesOfMiniature, type LearnedCases } from "./learned-cases.js";
import { casesOfRun, type RecordedCases } from "./recorded-cases.js";

/**
 * The source of updates: a run that made them, or training anew, from a configuration or else on the
 * miniature benchmark.
 */
export type CaseOptions = RecordedCases | (LearnedCases & { readonly config?: string });

/** @throws UsageError if what is asked for does not exist */
export function openCases(options: CaseOptions, watch: AnalysisWatch): CaseSource {
  if ("run" in options) return casesOfRun(options, watch);
  const { config, ...learned } = options;
  return config === undefined ? casesOfMiniature(learned, watch) : casesOfConfig(config, learned, watch);
}
