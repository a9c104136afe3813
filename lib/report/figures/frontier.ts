import { z } from "zod";
import type { Figure, Row } from "./figure.js";
import { frontierDrawing } from "./frontier-drawing.js";
import { deviationNote, type MeanAndStd, meanAndStd } from "./statistics.js";

const protocols = ["x-tail", "mtil"] as const;

/** How the image encoder's update was changed after training. */
const kindSchema = z.enum(["before", "scaled", "random", "benefit-harm", "harm", "wiener"]);

const accuracySchema = z.object({
  /** On the dataset that was learned. */
  own: z.number(),
  /** Mean over the other datasets of the stream. */
  others: z.number(),
});

const pointSchema = z.object({
  name: z.string(),
  kind: kindSchema,
  /** α of `scaled`, λ of `wiener`, the share of the ranks that is kept of the others. */
  value: z.number(),
  /** `‖ΔW‖_F` of the image encoder, relative to the whole update. */
  norm: z.number(),
  "x-tail": accuracySchema,
  mtil: accuracySchema,
});

export const frontierSchema = z.object({
  /** Origin of the updates: a configuration, a run, or the miniature benchmark. */
  source: z.string(),
  method: z.string(),
  options: z.record(z.string(), z.unknown()),
  /** Images that benefit and harm were measured on, at most. */
  images: z.object({ current: z.int(), procedural: z.int() }),
  /** Draws of random ranks, whose mean a point is. */
  draws: z.int(),
  measurements: z.array(z.object({ seed: z.int(), dataset: z.string(), points: z.array(pointSchema) })),
});

export type FrontierKind = z.infer<typeof kindSchema>;
export type FrontierPoint = z.infer<typeof pointSchema>;

/** The result of `codyra analyze frontier`, with accuracies as fractions. */
export type FrontierAnalysis = z.infer<typeof frontierSchema>;

export interface FrontierRow {
  readonly name: string;
  readonly kind: FrontierKind;
  readonly norm: MeanAndStd;
  readonly accuracies: Record<
    (typeof protocols)[number],
    {
      own: MeanAndStd;
      others: MeanAndStd;
      /** How far `others` is above the line that scaling draws, at the same `own`; absent beyond its ends. */
      aboveLine?: MeanAndStd;
    }
  >;
}

/**
 * One row per way of changing the update: mean over the datasets of a seed, then mean and deviation over the
 * seeds.
 */
export function frontierRows({ measurements }: FrontierAnalysis): FrontierRow[] {
  const seeds = [...new Set(measurements.map(({ seed }) => seed))];
  const names = measurements[0]?.points.map(({ name }) => name) ?? [];
  return names.map((name, i) => {
    const over = (of: (point: FrontierPoint, points: readonly FrontierPoint[]) => number | undefined) => {
      const means = seeds.flatMap((seed) => {
        const values = measurements
          .filter((each) => each.seed === seed)
          .map(({ points }) => of(points[i] as FrontierPoint, points));
        return values.includes(undefined) ? [] : [meanAndStd(values as number[]).mean];
      });
      return means.length === seeds.length ? meanAndStd(means) : undefined;
    };
    const measured = (of: (point: FrontierPoint) => number) => over(of) as MeanAndStd;
    const ofProtocol = (protocol: (typeof protocols)[number]) => ({
      own: measured((point) => point[protocol].own),
      others: measured((point) => point[protocol].others),
      aboveLine: over((point, points) => aboveScalingLine(point, points, protocol)),
    });
    return {
      name,
      kind: measurements[0]?.points[i]?.kind as FrontierKind,
      norm: measured(({ norm }) => norm),
      accuracies: { "x-tail": ofProtocol("x-tail"), mtil: ofProtocol("mtil") },
    };
  });
}

/**
 * How far a point is above the line through the points of uniform scaling, in accuracy on the others at the
 * same own accuracy. Where the line passes that accuracy more than once, its nearest piece counts.
 * @returns `undefined` beyond both ends of the line, and for the points that make it
 */
export function aboveScalingLine(
  { kind, ...point }: FrontierPoint,
  points: readonly FrontierPoint[],
  protocol: (typeof protocols)[number],
): number | undefined {
  if (kind === "scaled" || kind === "before") return undefined;
  const line = points
    .filter((each) => each.kind === "scaled")
    .toSorted((a, b) => a.value - b.value)
    .map((each) => each[protocol]);
  const { own, others } = point[protocol];
  const distances = line.slice(1).flatMap((to, i) => {
    const from = line[i] as typeof to;
    const [low, high] = [Math.min(from.own, to.own), Math.max(from.own, to.own)];
    if (own < low || own > high) return [];
    const at = high === low ? 0.5 : (own - from.own) / (to.own - from.own);
    return [others - (from.others + at * (to.others - from.others))];
  });
  return distances.toSorted((a, b) => Math.abs(a) - Math.abs(b))[0];
}

const kinds: readonly { kind: FrontierKind; title: string }[] = [
  { kind: "scaled", title: "scaled evenly by α" },
  { kind: "random", title: "half of the ranks, at random" },
  { kind: "benefit-harm", title: "half, highest benefit/harm" },
  { kind: "harm", title: "half, lowest harm" },
  { kind: "wiener", title: "Wiener filter, λ" },
  { kind: "before", title: "before learning" },
];

/** Accuracy on the learned dataset against that on the others, for every way of changing the update. */
export function frontierFigure(analysis: FrontierAnalysis): Figure {
  const seeds = [...new Set(analysis.measurements.map(({ seed }) => seed))];
  const datasets = [...new Set(analysis.measurements.map(({ dataset }) => dataset))];
  const percent = (value: number | undefined) => (value === undefined ? null : 100 * value);
  const values = new Map(analysis.measurements[0]?.points.map(({ name, value }) => [name, value]));
  const rows: Row[] = protocols.flatMap((protocol) =>
    frontierRows(analysis).map(({ name, kind, norm, accuracies }) => {
      const { own, others, aboveLine } = accuracies[protocol];
      return {
        protocol,
        update: name,
        kind: kinds.find((each) => each.kind === kind)?.title ?? kind,
        value: values.get(name) as number,
        norm: norm.mean,
        own: percent(own.mean) as number,
        ownStd: percent(own.std),
        others: percent(others.mean),
        othersStd: percent(others.std),
        aboveLine: percent(aboveLine?.mean),
        aboveLineStd: percent(aboveLine?.std),
        seeds: seeds.length,
      };
    }),
  );
  const title = "Gain and cost of an update that is cut back";
  const notes = [
    `${analysis.method} learns ${datasets.join(", ")} (${seeds.length > 1 ? "seeds" : "seed"} ${seeds.join(", ")}); then the update of the image encoder is changed, and that of the text encoder is kept.`,
    ...deviationNote(rows),
  ];
  return {
    name: "frontier",
    title,
    notes,
    spec: frontierDrawing(title, notes, { rows, protocols, kinds: kinds.map(({ title }) => title) }),
    rows,
  };
}
