import { deviationRule } from "./deviation.js";
import type { Row } from "./figure.js";
import { grey, ink, markers, note, okabeIto, titled } from "./theme.js";

/** A panel for each dataset: adaptation against retention, a marker for each configuration. */
export function locationDrawing(
  title: string,
  notes: readonly string[],
  panels: { dataset: string; rows: readonly Row[] }[],
): object {
  const distinct = <Key extends string>(key: Key) => [
    ...new Set(panels.flatMap(({ rows }) => rows.map((row) => row[key]))),
  ];
  const locations = distinct("location") as string[];
  const ranks = (distinct("rank") as number[]).toSorted((a, b) => a - b);
  return {
    title: titled(title, notes, 92),
    spacing: 36,
    hconcat: panels.map(({ dataset, rows }) => ({
      title: { text: dataset, fontSize: 11, fontWeight: "normal" },
      width: 300,
      height: 280,
      data: {
        values: rows.map((row) => ({ ...row, radius: Math.sqrt(markerArea(row.rank as number)) / 2 })),
      },
      layer: layers(dataset, locations, ranks),
    })),
  };
}

/** Area of a marker, in square pixels. It grows slowly enough for ranks from 1 to 64 in one plot. */
function markerArea(rank: number): number {
  return 23 * rank ** 0.7;
}

function axis(field: string, title: string | string[] = "") {
  return { field, type: "quantitative", scale: { zero: false, padding: 18 }, axis: { title } };
}

const kinds = {
  field: "location",
  type: "nominal",
  legend: { title: "adapted matrices", symbolSize: 90, symbolOpacity: 1, labelLimit: 300 },
};

function layers(dataset: string, locations: readonly string[], ranks: readonly number[]): object[] {
  const color = { ...kinds, scale: { domain: locations, range: okabeIto } };
  const points = {
    mark: { type: "point", filled: true, opacity: 1, stroke: "white", strokeWidth: 0.5 },
    encoding: {
      x: axis("adaptation", `adaptation: accuracy on ${dataset} (%)`),
      y: axis("retention", ["retention: mean zero-shot", "accuracy on the others (%)"]),
      color,
      shape: { ...kinds, scale: { domain: locations, range: markers } },
      size: {
        field: "rank",
        type: "ordinal",
        scale: { type: "ordinal", domain: ranks, range: ranks.map(markerArea) },
        legend: { title: ["rank", "(per matrix)"], symbolFillColor: grey, symbolStrokeWidth: 0 },
      },
    },
  };
  const rankTexts = {
    mark: { type: "text", align: "left", dx: { expr: "datum.radius + 4" }, fontSize: 9, color: ink },
    encoding: { x: axis("adaptation"), y: axis("retention"), text: { field: "rank" } },
  };
  const above = { align: "right", dy: -4, baseline: "bottom" };
  return [
    pretrained("x", "zeroShotAdaptation", { align: "left", dx: 4, baseline: "top" }, { y: { value: 2 } }),
    pretrained("y", "zeroShotRetention", above, { x: { value: "width" } }),
    deviation("x", "adaptation", color),
    deviation("y", "retention", color),
    points,
    rankTexts,
  ];
}

/** A dashed line through the whole panel where the model is before training. */
function pretrained(channel: "x" | "y", field: string, label: object, end: object) {
  return {
    transform: [{ filter: `datum.${field} !== null` }, { sample: 1 }],
    encoding: { [channel]: { field, type: "quantitative" } },
    layer: [
      { mark: { type: "rule", strokeDash: [5, 4], color: grey } },
      { mark: { type: "text", text: "pre-trained", color: note, fontSize: 9, ...label }, encoding: end },
    ],
  };
}

/** One standard deviation to both sides. */
function deviation(channel: "x" | "y", field: string, color: object) {
  return deviationRule(field, 0.6, {
    x: axis("adaptation"),
    y: axis("retention"),
    [channel]: axis("low"),
    [`${channel}2`]: { field: "high" },
    color,
  });
}
