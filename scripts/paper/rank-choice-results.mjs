import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { report } from "../../dist/index.js";

const metrics = ["transfer", "average", "last", "forgetting"];
const rows = [
  { label: "fine-tuning", method: "finetune" },
  { label: "LoRA", method: "lora" },
  {
    label: "CoDyRA",
    method: "codyra",
    options: { gates: "learned", pruning: "threshold" },
    isThresholded: true,
  },
  {
    label: "as many ranks at random, shrunk as much",
    method: "codyra",
    options: { pruning: "random-shrunk" },
  },
  { label: "as many ranks at random", method: "codyra", options: { pruning: "random" } },
  {
    label: "no thresholding, κ = 0",
    method: "codyra",
    options: { gates: "learned", pruning: "threshold", kappaMax: 0 },
  },
  { label: "gates fixed at their draw", method: "codyra", options: { gates: "fixed" } },
  { label: "fine-tuning with replay", method: "finetune", isReplayed: true },
  { label: "LoRA with replay", method: "lora", isReplayed: true },
  {
    label: "CoDyRA with replay",
    method: "codyra",
    options: { gates: "learned", pruning: "threshold" },
    isThresholded: true,
    isReplayed: true,
  },
  { label: "StatRA", method: "statra" },
];

/**
 * Writes the table of the plan rank-choice-plan.yaml: Transfer, Average, Last, Forgetting and the ranks that
 * are kept, per protocol. Methods without ranks have none there.
 * @returns {Promise<string[]>} the file; none where no run is finished
 */
export async function writeResults(works, _settings, to) {
  const runs = works.filter((work) => work.isFinished()).map(({ directory }) => report.readRun(directory));
  if (runs.length === 0) return [];
  mkdirSync(to, { recursive: true });
  const file = join(to, "rank-choice.md");
  const tables = ["x-tail", "mtil"].flatMap((protocol) => {
    const inProtocol = runs.filter(({ info }) => info.protocol === protocol);
    return inProtocol.length > 0 ? [report.renderMarkdown(tableOf(protocol, inProtocol))] : [];
  });
  const about =
    "Mean ± standard deviation over seeds on the miniature benchmark, percent; ranks: kept of each matrix, mean over matrices, tasks and seeds.\n" +
    "Written by `npm run paper -- --miniature --from configs/paper/rank-choice-plan.yaml`;\n[What chooses the ranks](method.md#what-chooses-the-ranks) says what follows.";
  writeFileSync(file, `# Ranks chosen otherwise\n\n${about}\n\n${tables.join("\n")}`);
  return [file];
}

function tableOf(protocol, runs) {
  const cells = rows.flatMap((row) => {
    const found = runs.filter((run) => isOf(run, row));
    return found.length > 0 ? [{ row, found }] : [];
  });
  const seeds = new Set(runs.map(({ info }) => info.seed)).size;
  return {
    title: protocol.toUpperCase(),
    caption: "",
    rowHeader: protocol === "x-tail" ? "X-TAIL" : "MTIL",
    columns: ["Transfer", "Average", "Last", "Forgetting", "ranks"],
    rows: cells.map(({ row, found }) => {
      const values = [...metrics.map((name) => (run) => run.metrics[name].overall), keptRanks].map((of) =>
        meanAndStd(found.map(of)),
      );
      return {
        label: found.length < seeds ? `${row.label} (${found.length} of ${seeds} seeds)` : row.label,
        values: values.map(({ mean }) => mean),
        deviations: values.map(({ std }) => std),
      };
    }),
    best: ["highest", "highest", "highest", "lowest", "none"],
    format: (value, column) => (column === 4 ? value.toFixed(1) : (100 * value).toFixed(1)),
  };
}

function isOf({ info }, { method, options = {}, isThresholded = false, isReplayed = false }) {
  const given = info.config.options;
  return (
    info.method === method &&
    Object.entries(options).every(([name, value]) => given[name] === value) &&
    (!isThresholded || given.kappaMax > 0) &&
    Boolean(given.replay) === isReplayed
  );
}

function keptRanks({ ranks }) {
  if (ranks === undefined) return undefined;
  const counts = ranks.tasks.flatMap(({ active }) => active);
  return counts.reduce((sum, count) => sum + count, 0) / counts.length;
}

function meanAndStd(values) {
  return values.includes(undefined) ? {} : report.meanAndStd(values);
}
