import { isRatio, type Measure } from "../records/index.js";
import { percent } from "./wording.js";

/** A number of a measure with its unit. */
export function formatMeasure({ kind }: Measure, number: number): string {
  if (kind === "size") return `${(number / 1e6).toFixed(1)} MB`;
  if (kind === "time") return `${number.toFixed(1)} ms`;
  if (kind === "cosine") return number.toFixed(3);
  return percent(number);
}

/** The limit of a measure, such as `−1.0` points or `≤ 1.05×`; empty if it has none. */
export function formatLimit({ kind, limit }: Measure): string {
  if (limit === undefined) return "";
  if (isRatio(kind)) return `≤ ${limit}×`;
  if (kind === "cosine") return `≥ ${(1 - limit).toFixed(3)}`;
  if (kind === "neighbours") return `≥ ${percent(1 - limit)}`;
  return `−${(100 * limit).toFixed(1)}`;
}
