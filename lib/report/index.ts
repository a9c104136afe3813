export { type BinomialBand, binomialBand } from "./binomial.js";
export type { RunPhases, TrainingStep } from "./events.js";
export {
  type CellRanks,
  type Changes,
  type Configuration,
  concentration,
  describeMissing,
  type Figure,
  type FoundFigures,
  type FrontierAnalysis,
  type FrontierPoint,
  type FrontierRow,
  figureNumbers,
  findFigures,
  frontierFigure,
  frontierRows,
  type MeanAndStd,
  type MissingFigure,
  meanAndStd,
  predictedShare,
  type RankStatistic,
  type RankStatistics,
  type RemovalAnalysis,
  type RenderedFigure,
  rankStatistics,
  readChanges,
  renderFigure,
  writeFigure,
  writeFigures,
} from "./figures/index.js";
export { groupRuns, type RunGroup } from "./groups.js";
export { formatLimit, formatMeasure } from "./guard-text.js";
export { type CheckedModels, checkReportHtml, writeCheckReport } from "./page/check-page.js";
export type * from "./page/data.js";
export { type PageOptions, renderPage, reportHtml, writeReport } from "./page/page.js";
export { pageData } from "./page/page-data.js";
export {
  type Benchmark,
  type ComparedRow,
  type CostAnalysis,
  costComparison,
  describeMissingRuns,
  findStreams,
  type MissingRuns,
  type NewerTables,
  newerComparison,
  newerTables,
  overallComparison,
  type PaperTable,
  type PrintedTables,
  paperTables,
  printedCostSetting,
  printedCosts,
  printedTables,
  readCosts,
  type Stream,
  type TableFormat,
  type TablePart,
  tableFormats,
  toTable,
} from "./paper/index.js";
export { type MatrixRanks, type RankChanges, rankChanges } from "./rank-changes.js";
export { resultsSvg } from "./results-svg.js";
export {
  findRuns,
  type RankHistory,
  type Run,
  type RunInfo,
  readRun,
  runLabels,
} from "./run.js";
export { describeGroup, describeGroups, headline, type Outcome, outcome, type Summary } from "./summary.js";
export {
  type Best,
  commonDatasets,
  formatPercent,
  holdOutTable,
  type Mark,
  markCells,
  metricTables,
  streamTable,
  type Table,
  type TableRow,
} from "./table.js";
export {
  renderCsv,
  renderJson,
  renderLatex,
  renderMarkdown,
  renderTerminal,
} from "./table-formats.js";
export { RunBoard } from "./tensorboard/run-board.js";
