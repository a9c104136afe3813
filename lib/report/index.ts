export { resultsSvg } from "./figures.js";
export { reportHtml, writeReport } from "./page.js";
export {
  findRuns,
  type RankHistory,
  type Run,
  type RunInfo,
  readRun,
  runLabels,
  type TrainingStep,
} from "./run.js";
export { describeRun, describeRuns, type Outcome, outcome } from "./summary.js";
export {
  commonDatasets,
  formatPercent,
  formatValue,
  holdOutTable,
  type Mark,
  markCells,
  metricTables,
  streamTable,
  type Table,
} from "./table.js";
export {
  renderCsv,
  renderJson,
  renderLatex,
  renderMarkdown,
  renderTerminal,
  terminalStyle,
} from "./table-formats.js";
