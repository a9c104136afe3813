import { deviationRule } from "./deviation.js";
import type { Row } from "./figure.js";
import { ink, markers, note, okabeIto, titled } from "./theme.js";

interface FrontierData {
  readonly rows: readonly Row[];
  readonly protocols: readonly string[];
  /** Titles of the kinds of points; a line joins those of the first. */
  readonly kinds: readonly string[];
}

/** A panel for each protocol: accuracy on the learned dataset against that on the others. */
export function frontierDrawing(title: string, notes: readonly string[], data: FrontierData): object {
  return {
    title: titled(title, notes, 100),
    spacing: 30,
    hconcat: data.protocols.map((protocol) => panel(protocol, data)),
  };
}

function axis(field: string, title: string) {
  return {
    field,
    type: "quantitative",
    scale: { zero: false, padding: 16 },
    axis: { title, tickCount: 6 },
  };
}

const x = (field = "own") => axis(field, "accuracy on the learned dataset (%)");
const y = (field = "others") => axis(field, "mean accuracy on the others (%)");

function panel(protocol: string, { rows, kinds }: FrontierData) {
  const byKind = (range: readonly string[]) => ({
    field: "kind",
    type: "nominal",
    scale: { domain: kinds, range },
    legend: { title: "image encoder's update", labelLimit: 220, symbolOpacity: 1 },
  });
  const color = byKind([ink, ...okabeIto.slice(0, 4), "#8a8a8a"]);
  const shape = byKind([...markers.slice(0, 5), "cross"]);
  const scaled = `datum.kind === '${kinds[0]}'`;
  const line = {
    transform: [{ filter: scaled }],
    mark: { type: "line", color: ink, strokeWidth: 1 },
    encoding: { x: x(), y: y(), order: { field: "value", type: "quantitative" } },
  };
  const points = {
    mark: { type: "point", filled: true, opacity: 1, size: 64, stroke: "white", strokeWidth: 0.5 },
    encoding: { x: x(), y: y(), color, shape },
  };
  const texts = {
    transform: [{ filter: `${scaled} || datum.kind === 'Wiener filter, λ'` }],
    mark: { type: "text", align: "left", baseline: "bottom", dx: 5, dy: -3, fontSize: 9, color: note },
    encoding: { x: x(), y: y(), text: { field: "value" } },
  };
  return {
    title: { text: protocol === "x-tail" ? "X-TAIL" : "MTIL", fontSize: 11, fontWeight: "normal" },
    width: 270,
    height: 250,
    data: { values: rows.filter((row) => row.protocol === protocol) },
    layer: [
      line,
      deviationRule("own", 0.5, { x: x("low"), x2: { field: "high" }, y: y(), color }),
      deviationRule("others", 0.5, { x: x(), y: y("low"), y2: { field: "high" }, color }),
      points,
      texts,
    ],
  };
}
