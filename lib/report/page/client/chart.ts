import { ChartCursor } from "./chart-cursor.js";
import { s } from "./dom.js";
import { ticks } from "./statistics.js";

export interface Series {
  label: string;
  color: string;
  marker?: string;
  dash?: string;
  opacity?: number;
  points: [x: number, y: number][];
}

export interface LineChart {
  /** Unique on the page and the same after each drawing: keeps the focus in place. */
  key: string;
  title: string;
  series: Series[];
  x: { title: string; domain: [number, number]; ticks?: number[] };
  y: {
    title: string;
    domain: [number, number];
    format: (value: number) => string;
    tick: (value: number) => string;
  };
  /** A description of an x, such as "after task 3". */
  describeX: (x: number) => string;
  shaded?: [from: number, to: number];
  marks?: { x: number; label: string }[];
  size?: { width: number; height: number };
}

const MARGIN = { top: 16, right: 12, bottom: 36, left: 46 };

/** Lines over a common x axis. The pointer and the arrow keys read all lines at one x. */
export function lineChart(chart: LineChart): HTMLElement {
  const { width, height } = chart.size ?? { width: 360, height: 210 };
  const { x, y, series } = chart;
  const toX = scale(x.domain, [MARGIN.left, width - MARGIN.right]);
  const toY = scale(y.domain, [height - MARGIN.bottom, MARGIN.top]);
  const bottom = height - MARGIN.bottom;
  const cursor = s("path", { class: "cursor", visibility: "hidden" });
  const svg = s(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    chart.shaded && shade(chart.shaded, toX, bottom),
    ticks(y.domain, 5).map((value) => [
      s("path", { class: "grid", d: `M${MARGIN.left},${toY(value)}H${width - MARGIN.right}` }),
      s("text", { x: MARGIN.left - 6, y: toY(value) + 4, "text-anchor": "end" }, y.tick(value)),
    ]),
    (x.ticks ?? ticks(x.domain, 5)).map((value) =>
      s("text", { x: toX(value), y: bottom + 15, "text-anchor": "middle" }, value.toLocaleString("en")),
    ),
    s(
      "text",
      { x: (MARGIN.left + width - MARGIN.right) / 2, y: height - 4, "text-anchor": "middle" },
      x.title,
    ),
    s("text", { x: 4, y: 10 }, y.title),
    chart.marks?.map(({ x: at, label }) => [
      s("path", { class: "grid", d: `M${toX(at)},${MARGIN.top}V${bottom}` }),
      s("text", { x: toX(at) + 3, y: MARGIN.top - 4 }, label),
    ]),
    s("path", { class: "axis", d: `M${MARGIN.left},${bottom}H${width - MARGIN.right}` }),
    cursor,
    series.map((line) => drawSeries(line, toX, toY)),
  );
  return new ChartCursor(chart, svg, {
    show(at) {
      cursor.setAttribute("visibility", "visible");
      cursor.setAttribute("d", `M${toX(at)},${MARGIN.top}V${bottom}`);
    },
    hide: () => cursor.setAttribute("visibility", "hidden"),
    toFraction: (at) => toX(at) / width,
  }).slider;
}

function drawSeries({ color, marker, dash, opacity, points }: Series, toX: Scale, toY: Scale): SVGElement {
  const place = ([x, y]: [number, number]): string => `${toX(x).toFixed(1)},${toY(y).toFixed(1)}`;
  return s(
    "g",
    { fill: color, stroke: color, opacity },
    s("path", {
      class: "line",
      d: points.length > 0 && `M${points.map(place).join("L")}`,
      "stroke-dasharray": dash,
    }),
    marker &&
      points.map((point) =>
        s("path", { d: marker, stroke: "none", transform: `translate(${place(point)}) scale(.75)` }),
      ),
  );
}

function shade([from, to]: [number, number], toX: Scale, bottom: number): SVGElement[] {
  const [left, right] = [toX(from), toX(to)];
  return [
    s("rect", {
      class: "shaded",
      x: left,
      y: MARGIN.top,
      width: Math.max(right - left, 0),
      height: bottom - MARGIN.top,
    }),
    s("path", { class: "learned", d: `M${left},${MARGIN.top}V${bottom}` }),
  ];
}

type Scale = (value: number) => number;

function scale([from, to]: [number, number], [start, end]: [number, number]): Scale {
  return (value) =>
    to === from ? (start + end) / 2 : start + ((value - from) / (to - from)) * (end - start);
}
