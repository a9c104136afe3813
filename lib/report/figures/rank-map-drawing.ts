import type { RankStatistics } from "./rank-statistics.js";
import { band, ink, okabeIto, outline, titled } from "./theme.js";

/**
 * For each encoder, the map with its margins: the mean of each module on the right, and of each layer below.
 */
export function rankMapDrawing(statistics: RankStatistics, title: string, notes: readonly string[]): object {
  const encoders = (["vision", "text"] as const).filter((name) =>
    statistics.matrices.some(({ encoder }) => encoder === name),
  );
  return {
    title: titled(title, notes),
    spacing: 36,
    hconcat: encoders.map((encoder, i) => ({
      columns: 2,
      bounds: "flush", // plots are aligned, whatever the width of their labels
      spacing: 12,
      concat: [
        mapPanel(statistics, encoder, i === 0),
        marginPanel(statistics, encoder, "target"),
        marginPanel(statistics, encoder, "layer"),
      ],
    })),
    resolve: { scale: { color: "independent" } },
  };
}

const cell = { width: 26, height: 24 };

function mapPanel({ matrices, rank, draws }: RankStatistics, encoder: string, isFirst: boolean) {
  const values = matrices
    .filter((matrix) => matrix.encoder === encoder)
    .map((matrix) => ({
      ...matrix,
      layer: matrix.layer + 1,
      text: draws === 1 ? String(matrix.mean) : matrix.mean.toFixed(1),
      isLight: matrix.mean > 0.475 * rank, // where black and white stand out equally from cividis
    }));
  const layers = new Set(values.map(({ layer }) => layer)).size;
  const targets = new Set(values.map(({ target }) => target)).size;
  const legend = {
    title: ["activated ranks", `(of ${rank})`],
    direction: "horizontal",
    gradientLength: 84,
    orient: "none", // in the corner between the margins
    legendX: layers * cell.width + 18,
    legendY: targets * cell.height + 52,
  };
  return {
    title: { text: `${encoder} encoder`, fontSize: 11, fontWeight: "normal", anchor: "middle", offset: 6 },
    width: { step: cell.width },
    height: { step: cell.height },
    data: { values },
    encoding: {
      x: { field: "layer", type: "ordinal", axis: null },
      y: {
        field: "target",
        type: "nominal",
        sort: null,
        axis: { title: isFirst ? "matrix" : null, ticks: false, domain: false },
      },
    },
    layer: [
      {
        mark: { type: "rect" },
        encoding: {
          color: {
            field: "mean",
            type: "quantitative",
            scale: { scheme: "cividis", domain: [0, rank] },
            legend: isFirst ? legend : null,
          },
        },
      },
      {
        transform: [{ filter: "datum.outside !== null" }],
        mark: { type: "rect", filled: false, stroke: outline, strokeWidth: 2.5 },
      },
      {
        mark: { type: "text", fontSize: 9 },
        encoding: {
          text: { field: "text" },
          color: { condition: { test: "datum.isLight", value: "black" }, value: "white" },
        },
      },
    ],
  };
}

/** Means as bars before the band of chance, with a line at what is expected. */
function marginPanel(
  { modules, layers, rank, share }: RankStatistics,
  encoder: string,
  by: "target" | "layer",
) {
  const groups = by === "target" ? modules : layers.map((group) => ({ ...group, layer: group.layer + 1 }));
  const values = groups.filter((group) => group.encoder === encoder);
  const isBelow = by === "layer";
  const [along, across, thickness] = isBelow ? ["x", "y", "width"] : ["y", "x", "height"];
  const title = isBelow
    ? ["mean over matrices", `(ranks of ${rank})`]
    : ["mean over layers", `(ranks of ${rank})`];
  const count = { type: "quantitative", scale: { domain: [0, rank] } };
  const axis = { title, tickCount: 4, titleFontSize: 9, labelFontSize: 9 };
  return {
    ...(isBelow ? { width: { step: cell.width }, height: 90 } : { width: 90, height: { step: cell.height } }),
    data: { values },
    encoding: {
      [along]: {
        field: by,
        type: "ordinal",
        sort: null,
        axis: isBelow ? { title: "layer, from input to output", labelAngle: 0, ticks: false } : null,
      },
    },
    layer: [
      {
        mark: { type: "bar", color: band, [thickness]: { band: 1 } },
        encoding: { [across]: { ...count, field: "low", axis }, [`${across}2`]: { field: "high" } },
      },
      {
        mark: { type: "bar", [thickness]: { band: 0.55 } },
        encoding: {
          [across]: { ...count, field: "mean" },
          color: { condition: { test: "datum.outside !== null", value: outline }, value: okabeIto[0] },
        },
      },
      {
        mark: { type: "rule", color: ink },
        encoding: { [along]: null, [across]: { ...count, datum: rank * share } },
      },
    ],
  };
}
