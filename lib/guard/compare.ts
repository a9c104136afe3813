import type { DualEncoder } from "../clip/index.js";
import { adviseOnIndex, type IndexDrift, indexDrift } from "../embeddings/index.js";
import type { Measure } from "../records/index.js";
import type { Limits } from "./limits.js";
import { measure } from "./measure.js";
import { type ComparisonData, type MeasureOptions, ModelMeasures } from "./model-measures.js";
import { bytesOf, timeImages } from "./size-and-time.js";

export interface CompareOptions extends MeasureOptions {
  readonly limits?: Limits;
}

export interface Comparison {
  readonly measures: readonly Measure[];
  readonly drift?: IndexDrift;
  /** One sentence on whether the index has to be rebuilt. */
  readonly advice?: string;
  readonly isBroken: boolean;
}

/** Measures what an update of a model does, and whether a limit is broken. */
export async function compareModels(
  updated: DualEncoder,
  base: DualEncoder,
  data: ComparisonData,
  { limits, ...options }: CompareOptions = {},
): Promise<Comparison> {
  using old = new ModelMeasures(base, data, "the old model", options);
  using renewed = new ModelMeasures(updated, data, "the new model", options);
  return await compareMeasures(renewed, old, limits);
}

/** The same of measures, of which those of the old model may serve several comparisons. */
export async function compareMeasures(
  updated: ModelMeasures,
  base: ModelMeasures,
  limits: Limits = {},
): Promise<Comparison> {
  const drift = await compareVectors(updated, base);
  const measures = [
    ...(await compareAccuracy(updated, base, limits)),
    ...(await compareRetrieval(updated, base, limits)),
    ...(drift ? measuresOfDrift(drift, limits) : []),
    ...compareCost(updated, base, limits),
  ];
  return {
    measures,
    ...(drift && { drift, advice: adviseOnIndex(drift) }),
    isBroken: measures.some(({ isBroken }) => isBroken),
  };
}

async function compareAccuracy(
  updated: ModelMeasures,
  base: ModelMeasures,
  { accuracyDrop, zeroShotDrop }: Limits,
): Promise<Measure[]> {
  const [old, renewed] = [await base.accuracies(), await updated.accuracies()];
  if (old === undefined || renewed === undefined) return [];
  const compared = (kind: "accuracy" | "zero-shot", part: "datasets" | "holdOuts", limit?: number) =>
    old[part].map(([name, before], i) =>
      measure(kind, name, { before, after: renewed[part][i]?.[1] as number, limit: points(limit) }),
    );
  return [
    ...compared("accuracy", "datasets", accuracyDrop),
    ...compared("zero-shot", "holdOuts", zeroShotDrop),
  ];
}

async function compareRetrieval(
  updated: ModelMeasures,
  base: ModelMeasures,
  { recallDrop }: Limits,
): Promise<Measure[]> {
  const [old, renewed] = [await base.recall(), await updated.recall()];
  if (old === undefined || renewed === undefined) return [];
  const directions = [
    ["image-to-text", "imageToText"],
    ["text-to-image", "textToImage"],
  ] as const;
  return old.ks.flatMap((k, i) =>
    directions.map(([kind, key]) => {
      const [before, after] = [old[key][i] as number, renewed[key][i] as number];
      return measure(kind, `recall@${k}`, { before, after, limit: points(recallDrop) });
    }),
  );
}

async function compareVectors(updated: ModelMeasures, base: ModelMeasures): Promise<IndexDrift | undefined> {
  const [old, renewed] = [await base.vectors(), await updated.vectors()];
  if (old === undefined || renewed === undefined) return undefined;
  return indexDrift(
    { before: old.images, after: renewed.images },
    { before: old.queries, after: renewed.queries },
  );
}

function measuresOfDrift(
  { ks, newOnOld, cosine }: IndexDrift,
  { neighboursKept, cosine: leastCosine }: Limits,
): Measure[] {
  const fall = (least: number | undefined) => (least === undefined ? undefined : 1 - least);
  return [
    ...ks.map((k, i) =>
      measure("neighbours", `kept at ${k}`, {
        before: 1,
        after: newOnOld[i] as number,
        limit: fall(neighboursKept),
      }),
    ),
    measure("cosine", "index vectors", { before: 1, after: cosine.index, limit: fall(leastCosine) }),
  ];
}

function compareCost(
  { model: updated, options }: ModelMeasures,
  { model: base }: ModelMeasures,
  { sizeRatio, timeRatio }: Limits,
): Measure[] {
  options.onStep?.("size and time");
  const [before, after] = timeImages(base, updated);
  return [
    measure("size", "weights", { before: bytesOf(base), after: bytesOf(updated), limit: sizeRatio }),
    measure("time", "16 images", { before, after, limit: timeRatio }),
  ];
}

const points = (limit: number | undefined) => (limit === undefined ? undefined : limit / 100);
