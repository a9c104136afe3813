import { copyModel, type DualEncoder, loadStateDict } from "../../clip/index.js";
import { centerCrop, deadLeaves, type ImageSet } from "../../data/index.js";
import {
  applyUpdates,
  evenScales,
  keepHighest,
  type LowRankUpdates,
  ofEachRank,
  type RankScales,
  rankGrams,
  scaleRanks,
  updateNorm,
  wienerScales,
} from "../../lora/index.js";
import { UsageError } from "../../options/index.js";
import { evaluateZeroShot } from "../../protocol/index.js";
import { mean } from "../../records/index.js";
import type { FrontierPoint } from "../../report/index.js";
import * as torch from "../../torch/index.js";
import type { WorkObserver } from "../observer.js";
import type { FrontierCase } from "./frontier-case.js";

export interface PointOptions {
  /** Draws of random ranks. */
  readonly draws: number;
  /** Images that benefit and harm are each measured on, at most. */
  readonly images: number;
  /** Directions of the features that are followed back; default: all coordinates. */
  readonly probes?: number;
  readonly signal: AbortSignal;
  readonly progress: WorkObserver;
}

const alphas = [1, 0.75, 0.5, 0.25, 0];
const lambdas = [1, 10];
const half = 0.5;
const gramBatch = 64;

type Choice = Pick<FrontierPoint, "name" | "kind" | "value"> & { readonly scales: readonly RankScales[] };

/**
 * Own accuracy and that on the others, for every way of changing the image encoder's update; the text
 * encoder's is kept.
 */
export async function measureFrontier(given: FrontierCase, options: PointOptions): Promise<FrontierPoint[]> {
  const { before, seed, dataset, stream } = given;
  const { progress, signal } = options;
  return torch.scope(async () => {
    const part = (isWanted: (name: string) => boolean): LowRankUpdates =>
      new Map(Array.from(given.updates).filter(([name]) => isWanted(name)));
    const isVision = (name: string) => name.startsWith("vision_model.");
    const [vision, text] = [part(isVision), part((name) => !isVision(name))];
    if (vision.size === 0) {
      throw new UsageError(
        `${dataset}: expected an update of the image encoder, got none. Let encoders be both or vision.`,
      );
    }
    const choices = await chooseRanks(given, vision, options);
    const model = copyModel(before);
    const [whole, own] = [updateNorm(vision), stream.findIndex(({ name }) => name === dataset)];
    try {
      using unlearned = given.classifier?.("before", model);
      using learned = given.classifier?.("after", model);
      const measure = async (update: LowRankUpdates | undefined) => {
        torch.scope(() => {
          loadStateDict(model, before.stateDict(), "analyze frontier");
          if (update === undefined) return;
          applyUpdates(model, text);
          applyUpdates(model, update);
        });
        const { classifier } = (update === undefined ? unlearned : learned) ?? {};
        const accuracies = await evaluateZeroShot(model, stream, { classifier, signal });
        const split = (values: readonly number[]) => ({
          own: values[own] as number,
          others: mean(values.filter((_, i) => i !== own)) ?? Number.NaN,
        });
        return { "x-tail": split(accuracies["x-tail"]), mtil: split(accuracies.mtil) };
      };
      progress.start(`seed ${seed}  measuring ${dataset}`);
      const total = 1 + choices.reduce((count, { scales }) => count + scales.length, 0);
      let done = 0;
      const tell = (name: string) => progress.update(++done, total, name);
      const points: FrontierPoint[] = [
        { name: "before learning", kind: "before", value: 0, norm: 0, ...(await measure(undefined)) },
      ];
      tell("before learning");
      for (const { scales, ...about } of choices) {
        const drawn = [];
        for (const each of scales) {
          const changed = scaleRanks(vision, each);
          drawn.push({ norm: updateNorm(changed) / whole, ...(await measure(changed)) });
          tell(about.name);
        }
        points.push({ ...about, ...meanOf(drawn) });
      }
      progress.finish();
      return points;
    } finally {
      model.dispose();
    }
  });
}

/** Every way of changing the update that is compared. */
async function chooseRanks(
  given: FrontierCase,
  vision: LowRankUpdates,
  options: PointOptions,
): Promise<Choice[]> {
  const { benefit, harm } = await benefitAndHarm(given, vision, options);
  const [good, bad] = [ofEachRank(benefit), ofEachRank(harm)];
  const generator = torch.generator(given.seed);
  const draw = ([name, scores]: [string, readonly number[]]): [string, number[]] => [
    name,
    torch.scope(() => torch.rand([scores.length], { generator }).toArray() as number[]),
  ];
  const oneHalf = (name: string, kind: Choice["kind"], scores: readonly RankScales[]): Choice => ({
    name,
    kind,
    value: half,
    scales: scores.map((each) => keepHighest(each, half)),
  });
  return [
    ...alphas.map(
      (alpha): Choice => ({
        name: alpha === 1 ? "nothing (α = 1)" : `scaled, α = ${alpha}`,
        kind: "scaled",
        value: alpha,
        scales: [evenScales(vision, alpha)],
      }),
    ),
    oneHalf(
      "half of the ranks, at random",
      "random",
      Array.from({ length: options.draws }, () => new Map(Array.from(good, draw))),
    ),
    oneHalf("half, highest benefit/harm", "benefit-harm", [eachRank(good, bad, (q, h) => q / h)]),
    oneHalf("half, lowest harm", "harm", [eachRank(good, bad, (_, h) => -h)]),
    ...lambdas.map(
      (lambda): Choice => ({
        name: `Wiener filter, λ = ${lambda}`,
        kind: "wiener",
        value: lambda,
        scales: [wienerScales(benefit, harm, lambda)],
      }),
    ),
  ];
}

/** Q on images of the dataset, H on images that show nothing. */
async function benefitAndHarm(
  { before, seed, dataset, train }: FrontierCase,
  vision: LowRankUpdates,
  { images, probes, signal, progress }: PointOptions,
): Promise<{ benefit: Map<string, torch.Tensor>; harm: Map<string, torch.Tensor> }> {
  const measure = async (what: string, set: ImageSet) => {
    const indices = spread(set.length, images);
    const passes = Math.ceil(indices.length / gramBatch) * (probes ?? before.config.embedDim);
    progress.start(`seed ${seed}  ${what} of ${dataset}`);
    const grams = await rankGrams(before, vision, {
      batches: pixelBatches(before, set, indices),
      probes: probes === undefined ? undefined : { count: probes, generator: torch.generator(seed) },
      signal,
      onProgress: (done) => progress.update(done, passes),
    });
    progress.finish();
    return grams;
  };
  const size = before.preprocessing.cropSize;
  using procedural = deadLeaves({ count: images, size, seed });
  return { benefit: await measure("benefit", train), harm: await measure("harm", procedural) };
}

function eachRank(
  benefit: RankScales,
  harm: RankScales,
  of: (benefit: number, harm: number) => number,
): RankScales {
  const scores = Array.from(benefit, ([name, values]): [string, number[]] => {
    const other = harm.get(name) as readonly number[];
    return [name, values.map((value, rank) => of(value, other[rank] as number))];
  });
  return new Map(scores);
}

/** Indices of at most `wanted` of `count` images, evenly spread: they are in the order of their classes. */
function spread(count: number, wanted: number): number[] {
  const taken = Math.min(count, wanted);
  return Array.from({ length: taken }, (_, i) => Math.floor((i * count) / taken));
}

function* pixelBatches(model: DualEncoder, set: ImageSet, indices: readonly number[]) {
  for (let start = 0; start < indices.length; start += gramBatch) {
    using pixels = pixelsOf(model, set, indices.slice(start, start + gramBatch));
    yield pixels;
  }
}

/** As the model sees images in tests: of training images, which are kept larger, the middle. */
function pixelsOf(
  { device, preprocessing }: DualEncoder,
  set: ImageSet,
  indices: readonly number[],
): torch.Tensor {
  return torch.scope(() => {
    const { images } = set.select(indices, device);
    const aspectRatios = indices.map((i) => set.aspectRatios[i] as number);
    return preprocessing.normalise(centerCrop(images, aspectRatios, preprocessing.cropSize));
  });
}

type Measured = Omit<FrontierPoint, "name" | "kind" | "value">;

function meanOf(measured: readonly Measured[]): Measured {
  const over = (of: (each: Measured) => number) => mean(measured.map(of)) as number;
  const ofProtocol = (protocol: "x-tail" | "mtil") => ({
    own: over((each) => each[protocol].own),
    others: over((each) => each[protocol].others),
  });
  return { norm: over(({ norm }) => norm), "x-tail": ofProtocol("x-tail"), mtil: ofProtocol("mtil") };
}
