import { describe, expect, it } from "vitest";
import {
  aboveScalingLine,
  type FrontierAnalysis,
  type FrontierPoint,
  frontierFigure,
  frontierRows,
  frontierSchema,
  renderFigure,
} from "../../../lib/report/figures/index.js";

function point(kind: FrontierPoint["kind"], value: number, own: number, others: number): FrontierPoint {
  const accuracies = { own, others };
  return { name: `${kind} ${value}`, kind, value, norm: value, "x-tail": accuracies, mtil: accuracies };
}

const points = (shift = 0) => [
  point("before", 0, 0.3, 0.5),
  point("scaled", 1, 0.8 + shift, 0.2),
  point("scaled", 0.5, 0.6 + shift, 0.3),
  point("scaled", 0, 0.4 + shift, 0.35),
  point("random", 0.5, 0.7, 0.3),
  point("harm", 0.5, 0.45, 0.3),
  point("wiener", 1, 0.9, 0.1),
];

const analysis: FrontierAnalysis = {
  source: "miniature",
  method: "codyra",
  options: { rank: 8 },
  images: { current: 256, procedural: 256 },
  draws: 5,
  measurements: [
    { seed: 0, dataset: "animals", points: points() },
    { seed: 1, dataset: "animals", points: points(0.1) },
  ],
};

describe("aboveScalingLine", () => {
  it("measures against the line between the nearest factors", () => {
    const of = (i: number) => aboveScalingLine(points()[i]!, points(), "x-tail");
    expect(of(4)).toBeCloseTo(0.3 - 0.25, 12); // halfway from (0.6, 0.3) to (0.8, 0.2)
    expect(of(5)).toBeCloseTo(0.3 - 0.3375, 12); // a quarter from (0.4, 0.35) to (0.6, 0.3)
    expect(of(6)).toBeUndefined(); // beyond its end
    expect(of(1)).toBeUndefined();
    expect(of(0)).toBeUndefined();
  });

  it("takes the nearest piece of a line that turns back", () => {
    const line = [point("scaled", 0, 0.4, 0.3), point("scaled", 0.5, 0.6, 0.2), point("scaled", 1, 0.5, 0.1)];
    expect(aboveScalingLine(point("random", 0.5, 0.55, 0.16), line, "mtil")).toBeCloseTo(0.01, 12);
  });
});

describe("frontierRows", () => {
  it("are means and deviations over seeds, with the distance from each seed's own line", () => {
    const rows = frontierRows(frontierSchema.parse(analysis));
    expect(rows.map(({ name }) => name)).toEqual(points().map(({ name }) => name));
    const { own, others, aboveLine } = rows[1]!.accuracies["x-tail"];
    expect(own.mean).toBeCloseTo(0.85, 12);
    expect(own.std).toBeCloseTo(0.1 / Math.SQRT2, 12);
    expect(others).toEqual({ mean: 0.2, std: 0 });
    expect(aboveLine).toBeUndefined();
    // 0.05 above the first line, and on (0.7, 0.3) of the second.
    expect(rows[4]!.accuracies.mtil.aboveLine!.mean).toBeCloseTo(0.025, 12);
    // Below the second seed's line of own accuracies from 0.5 on: not known for all seeds.
    expect(rows[5]!.accuracies.mtil.aboveLine).toBeUndefined();
  });

  it("average the datasets of a seed first", () => {
    const [first, second] = analysis.measurements as [
      FrontierAnalysis["measurements"][0],
      FrontierAnalysis["measurements"][0],
    ];
    const rows = frontierRows({ ...analysis, measurements: [first, { ...second, seed: 0 }] });
    expect(rows[1]!.accuracies["x-tail"].own.mean).toBeCloseTo(0.85, 12);
    expect(rows[1]!.accuracies["x-tail"].own.std).toBe(0);
  });
});

describe("frontierFigure", () => {
  it("draws all points of both protocols, with their data", async () => {
    const figure = frontierFigure(analysis);
    expect(figure.rows).toHaveLength(14);
    expect(figure.notes.join(" ")).toContain("codyra learns animals (seeds 0, 1)");
    const { svg, png, csv } = await renderFigure(figure);
    for (const text of ["X-TAIL", "MTIL", "half of the ranks, at random", "half, lowest harm"])
      expect(svg).toContain(text);
    expect(png.length).toBeGreaterThan(1000);
    const [header, ...lines] = csv.trimEnd().split("\n");
    expect(header).toBe(
      "protocol,update,kind,value,norm,own,ownStd,others,othersStd,aboveLine,aboveLineStd,seeds",
    );
    expect(lines).toHaveLength(14);
  });
});
