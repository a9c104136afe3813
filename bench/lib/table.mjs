/**
 * A run as Markdown: one line per row of the record, codyra beside its peer.
 * Rows are `{ what, unit, codyra, peer: { name, ... }, limit }` with summaries of the times; the ratio is that of the medians.
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

/** A row of the record. */
export function compare(what, unit, codyra, peer, limit) {
  return { what, unit, codyra, peer, ratio: codyra.median / peer.median, limit };
}
