export type { Benchmark } from "./benchmark.js";
export { type CostAnalysis, costComparison, readCosts } from "./cost-comparison.js";
export { describeMissingRuns, type TableFormat, tableFormats } from "./formats.js";
export { type NewerTables, newerTables } from "./newer.js";
export { newerComparison } from "./newer-comparison.js";
export { overallComparison } from "./overall-comparison.js";
export {
  type ComparedRow,
  type MissingRuns,
  type PaperTable,
  type TablePart,
  toTable,
} from "./paper-table.js";
export { type PrintedTables, printedCostSetting, printedCosts, printedTables } from "./printed.js";
export { findStreams, type Stream } from "./streams.js";
export { paperTables } from "./tables.js";
