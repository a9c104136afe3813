import { summarize } from "./statistics.mjs";

/**
 * A run as Markdown: one line per row of the record, codyra beside its peer.
 * Rows are `{ what, unit, codyra, peer: { name, ... }, limit }` with summaries of the times.
 */
export function formatTable({ benchmark, environment, config, rows, notes = [] }) {
  const header = ["what", "codyra", "peer", "peer's time", "ratio", "limit", "within"];
  const lines = rows.map((row) => [
    row.what,
    formatTime(row.codyra, row.unit),
    row.peer.name,
    formatTime(row.peer, row.unit),
    row.ratio.toFixed(2),
    row.limit.toFixed(2),
    row.ratio <= row.limit ? "yes" : "no",
  ]);
  const settings = Object.entries(config).map(([key, value]) => `${key} ${value}`);
  return [
    `## ${benchmark}`,
    "",
    `${environment.cpu}, ${environment.cores} cores; Node ${environment.node}, libtorch ${environment.libtorch}; ${settings.join(", ")}.`,
    ...notes,
    "",
    ...[header, header.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`),
    "",
  ].join("\n");
}

function formatTime({ median, lowerQuartile, upperQuartile }, unit) {
  const digits = median < 100 ? 2 : 0;
  return `${median.toFixed(digits)} ${unit} (${lowerQuartile.toFixed(digits)}–${upperQuartile.toFixed(digits)})`;
}

/** A row of the record. Its ratio is the median over the rounds: within one, both meet the machine in the same mood. */
export function compare(what, unit, codyra, peer, limit) {
  const ratios = codyra.samples.map((time, round) => time / peer.samples[round]);
  return { what, unit, codyra, peer, ratio: summarize(ratios).median, limit };
}
