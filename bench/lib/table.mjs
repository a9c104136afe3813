import { summarize } from "./statistics.mjs";

/**
 * A run as Markdown: one line per row of the record, codyra beside its peer. Rows are `{ what, unit, codyra,
 * peer: { name, ... }, ratio, limit, speed }` with summaries of the times; `limit` and `speed` may be absent.
 */
export function formatTable({ benchmark, environment, config, rows, notes = [] }) {
  const hasSpeed = rows.some(({ speed }) => speed !== undefined);
  const header = ["what", "codyra", "peer", "peer's", "ratio", "limit", "within"];
  const lines = rows.map((row) => [
    row.what,
    formatSummary(row.codyra, row.unit),
    row.peer.name,
    formatSummary(row.peer, row.unit),
    row.ratio.toFixed(2),
    row.limit?.toFixed(2) ?? "–",
    row.limit === undefined ? "–" : row.ratio <= row.limit ? "yes" : "no",
    ...(hasSpeed ? [row.speed ?? "–"] : []),
  ]);
  if (hasSpeed) header.push("speed");
  const settings = Object.entries(config)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} ${value}`);
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

function formatSummary({ median, lowerQuartile, upperQuartile }, unit) {
  const digits = median < 1 ? 3 : median < 100 ? 2 : 0;
  return `${median.toFixed(digits)} ${unit} (${lowerQuartile.toFixed(digits)}–${upperQuartile.toFixed(digits)})`;
}

/**
 * A row of the record. Its ratio is the median over the rounds: within one, both meet the machine in the same
 * mood.
 * @param limit the largest ratio that meets the aim, if there is one
 */
export function compare(what, unit, codyra, peer, limit) {
  const ratios = codyra.samples.map((time, round) => time / peer.samples[round]);
  return { what, unit, codyra, peer, ratio: summarize(ratios).median, limit };
}

/** A row that compares with a number instead of a peer. */
export function compareWithAim(what, unit, codyra, aim) {
  return compare(what, unit, codyra, { name: "aim", ...summarize(codyra.samples.map(() => aim)) }, 1);
}
