import type { ClipModel } from "../clip/index.js";
import { adviseOnIndex, type IndexDrift, indexDrift, retrievalRecall } from "../embeddings/index.js";
import type { ProtocolName } from "../methods/index.js";
import { evaluateZeroShot, type TestSet } from "../protocol/index.js";
import * as torch from "../torch/index.js";
import type { Limits } from "./limits.js";
import { type Measure, measure } from "./measure.js";
import type { CaptionedImages } from "./pairs.js";
import { imageVectors, textVectors } from "./vectors.js";

/** What two models are compared on; what is left out is not measured. */
export interface ComparisonData {
  /**
   * Test images as a model's preprocessing makes them: of datasets that were learned, and of hold-outs that
   * were not.
   */
  readonly testSets?: (
    model: ClipModel,
  ) => Promise<{ readonly datasets: readonly TestSet[]; readonly holdOuts: readonly TestSet[] }>;
  readonly retrieval?: CaptionedImages;
  /** An index of images, and the texts that search it. */
  readonly index?: { readonly images: readonly string[]; readonly queries: readonly string[] };
}

export interface CompareOptions {
  readonly limits?: Limits;
  /** `x-tail` has the classes of all datasets compete, `mtil` those of each dataset. Default: `x-tail`. */
  readonly protocol?: ProtocolName;
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
  /** Called when something begins, such as `accuracy of the new model`. */
  readonly onStep?: (what: string) => void;
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
  updated: ClipModel,
  base: ClipModel,
  data: ComparisonData,
  options: CompareOptions = {},
): Promise<Comparison> {
  const { limits = {}, onStep = () => {} } = options;
  const measures: Measure[] = [];
  if (data.testSets) measures.push(...(await compareAccuracy(updated, base, data.testSets, options)));
  if (data.retrieval) {
    onStep("retrieval");
    measures.push(...(await compareRetrieval(updated, base, data.retrieval, options)));
  }
  let drift: IndexDrift | undefined;
  if (data.index) {
    onStep("index");
    drift = await measureDrift(updated, base, data.index, options);
    for (const [i, k] of drift.ks.entries()) {
      const after = drift.newOnOld[i] as number;
      const limit = limits.neighboursKept === undefined ? undefined : 1 - limits.neighboursKept;
      measures.push(measure("neighbours", `kept at ${k}`, { before: 1, after, limit }));
    }
    const limit = limits.cosine === undefined ? undefined : 1 - limits.cosine;
    measures.push(measure("cosine", "index vectors", { before: 1, after: drift.cosine.index, limit }));
  }
  onStep("size and time");
  measures.push(
    measure("size", "weights", { before: bytesOf(base), after: bytesOf(updated), limit: limits.sizeRatio }),
  );
  const [before, after] = timeImages(base, updated);
  measures.push(measure("time", "16 images", { before, after, limit: limits.timeRatio }));
  return {
    measures,
    ...(drift && { drift, advice: adviseOnIndex(drift) }),
    isBroken: measures.some(({ isBroken }) => isBroken),
  };
}

async function compareAccuracy(
  updated: ClipModel,
  base: ClipModel,
  testSets: NonNullable<ComparisonData["testSets"]>,
  { limits = {}, protocol = "x-tail", batchSize, signal, onStep }: CompareOptions,
): Promise<Measure[]> {
  const accuracies = async (model: ClipModel, which: string) => {
    const { datasets, holdOuts } = await testSets(model);
    onStep?.(`accuracy of the ${which} model`);
    const found = await evaluateZeroShot(model, [...datasets, ...holdOuts], { batchSize, signal });
    return { datasets, holdOuts, found: found[protocol] };
  };
  const old = await accuracies(base, "old");
  const renewed = await accuracies(updated, "new");
  return [...old.datasets, ...old.holdOuts].map(({ name }, i) => {
    const isLearned = i < old.datasets.length;
    const limit = isLearned ? limits.accuracyDrop : limits.zeroShotDrop;
    const [before, after] = [old.found[i] as number, renewed.found[i] as number];
    return measure(isLearned ? "accuracy" : "zero-shot", name, { before, after, limit: points(limit) });
  });
}

async function compareRetrieval(
  updated: ClipModel,
  base: ClipModel,
  { images, texts, imageOfText }: CaptionedImages,
  { limits = {}, ...options }: CompareOptions,
): Promise<Measure[]> {
  const recall = async (model: ClipModel) => {
    using pictures = await imageVectors(model, images, options);
    using captions = await textVectors(model, texts, options);
    return retrievalRecall(pictures, captions, imageOfText);
  };
  const [old, renewed] = [await recall(base), await recall(updated)];
  const limit = points(limits.recallDrop);
  return old.ks.flatMap((k, i) =>
    (
      [
        ["image-to-text", "imageToText"],
        ["text-to-image", "textToImage"],
      ] as const
    ).map(([kind, key]) =>
      measure(kind, `recall@${k}`, {
        before: old[key][i] as number,
        after: renewed[key][i] as number,
        limit,
      }),
    ),
  );
}

async function measureDrift(
  updated: ClipModel,
  base: ClipModel,
  { images, queries }: NonNullable<ComparisonData["index"]>,
  options: CompareOptions,
): Promise<IndexDrift> {
  using indexBefore = await imageVectors(base, images, options);
  using indexAfter = await imageVectors(updated, images, options);
  using queriesBefore = await textVectors(base, queries, options);
  using queriesAfter = await textVectors(updated, queries, options);
  return indexDrift(
    { before: indexBefore, after: indexAfter },
    { before: queriesBefore, after: queriesAfter },
  );
}

const points = (limit: number | undefined) => (limit === undefined ? undefined : limit / 100);

function bytesOf(model: ClipModel): number {
  return model
    .parameters()
    .reduce((sum, parameter) => sum + parameter.numel() * bytesPerNumber(parameter.dtype), 0);
}

function bytesPerNumber(dtype: torch.DType): number {
  return dtype === "float64" ? 8 : dtype === "float16" || dtype === "bfloat16" ? 2 : 4;
}

/**
 * Milliseconds of 16 images through the image encoder of both models, in turns: the median of five passes
 * after a warm-up.
 */
function timeImages(first: ClipModel, second: ClipModel): [number, number] {
  const once = (model: ClipModel): number => {
    const began = performance.now();
    torch.noGrad(() =>
      torch.scope(() => {
        const { imageSize } = model.config.vision;
        const pixels = torch.zeros([16, 3, imageSize, imageSize], {
          device: model.device,
          dtype: model.dtype,
        });
        model.encodeImage(pixels).sum().item();
      }),
    );
    return performance.now() - began;
  };
  const times: [number[], number[]] = [[], []];
  for (let pass = 0; pass < 6; pass++) {
    const [a, b] = [once(first), once(second)];
    if (pass === 0) continue;
    times[0].push(a);
    times[1].push(b);
  }
  const median = (values: number[]) =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
  return [median(times[0]), median(times[1])];
}
