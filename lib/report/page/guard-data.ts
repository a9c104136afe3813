import type { GuardRecord } from "../../records/index.js";
import { formatLimit, formatMeasure } from "../guard-text.js";
import type { DriftData, GuardData } from "./data.js";

/** A guard's measurements for the page, task by task. */
export function guardData(records: readonly (GuardRecord | undefined)[]): GuardData[] {
  return records.flatMap((record, task) => (record === undefined ? [] : [describeGuard(record, task)]));
}

/** @param task position in the stream */
export function describeGuard(record: Omit<GuardRecord, "formatVersion">, task: number): GuardData {
  const { dataset, against = null, isBroken, measures, drift, advice = null } = record;
  return {
    task,
    dataset,
    against,
    isBroken,
    advice,
    measures: measures.map((each) => ({
      name: `${each.kind} ${each.name}`,
      isRecall: each.kind === "image-to-text" || each.kind === "text-to-image",
      before: formatMeasure(each, each.before),
      after: formatMeasure(each, each.after),
      limit: formatLimit(each),
      isBroken: each.isBroken,
    })),
    drift: drift ? driftData(drift) : null,
  };
}

function driftData({ ks, newOnOld, mapped, cosine }: NonNullable<GuardRecord["drift"]>): DriftData {
  return {
    ks: [...ks],
    kept: [...newOnOld],
    mapped: ks.map((_, i) => Math.max(mapped.orthogonal[i] ?? 0, mapped.leastSquares[i] ?? 0)),
    cosine: cosine.index,
  };
}
