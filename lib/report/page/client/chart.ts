import { type Child, h, s } from "./dom.js";
import { ticks } from "./statistics.js";
import { hideTip, showTip } from "./tip.js";

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
  /** What is at an x, such as "after task 3". */
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
  return withCursor(chart, svg, (at) => {
    cursor.setAttribute("visibility", at === undefined ? "hidden" : "visible");
    if (at !== undefined) cursor.setAttribute("d", `M${toX(at)},${MARGIN.top}V${bottom}`);
    return at === undefined ? 0 : toX(at) / width;
  });
}

/** @param place draws the cursor at an x, or hides it, and returns where it is as a fraction of the width */
function withCursor(
  chart: LineChart,
  svg: SVGElement,
  place: (at: number | undefined) => number,
): HTMLElement {
  const positions = [...new Set(chart.series.flatMap(({ points }) => points.map(([x]) => x)))].sort(
    (a, b) => a - b,
  );
  let current = positions.length - 1;
  const slider = h(
    "div",
    {
      class: "chart",
      role: "slider",
      tabindex: 0,
      "aria-label": chart.title,
      "aria-valuemin": 0,
      "aria-valuemax": Math.max(positions.length - 1, 0),
      "data-key": chart.key,
      focus: () => read(current),
      blur: () => leave(),
      keydown: (event: KeyboardEvent) => {
        const next = nextPosition(event.key, current, positions.length);
        if (next === undefined) return;
        event.preventDefault();
        read(next);
      },
      pointermove: (event: PointerEvent) => read(nearest(event)),
      pointerleave: () => leave(),
    },
    svg,
  );
  describe();
  return slider;

  function nearest({ clientX }: PointerEvent): number {
    const { left, width } = slider.getBoundingClientRect();
    const distances = positions.map((x) => Math.abs(left + place(x) * width - clientX));
    return distances.indexOf(Math.min(...distances));
  }

  function describe(): { heading: string; rows: Child[] } {
    const x = positions[current];
    const found = x === undefined ? [] : valuesAt(chart.series, x);
    const heading = x === undefined ? "no values yet" : chart.describeX(x);
    slider.setAttribute("aria-valuenow", String(Math.max(current, 0)));
    const texts = found.map(({ label, value }) => `${label} ${chart.y.format(value)}`);
    slider.setAttribute("aria-valuetext", [heading, ...texts].join(", "));
    return {
      heading,
      rows: found.map(({ label, color, value }) =>
        h("li", { "--series": color }, h("span", {}, label), h("b", {}, chart.y.format(value))),
      ),
    };
  }

  function read(position: number): void {
    if (positions.length === 0) return;
    current = position;
    const { heading, rows } = describe();
    const { left, width, top, height } = slider.getBoundingClientRect();
    const at = left + place(positions[current]) * width;
    showTip(new DOMRect(at, top, 0, height), h("strong", {}, heading), h("ul", {}, ...rows));
  }

  function leave(): void {
    place(undefined);
    hideTip();
  }
}

function valuesAt(series: Series[], x: number): { label: string; color: string; value: number }[] {
  return series
    .flatMap(({ label, color, points }) => {
      const point = points.find(([at]) => at === x);
      return point ? [{ label, color, value: point[1] }] : [];
    })
    .sort((a, b) => b.value - a.value);
}

function nextPosition(key: string, current: number, count: number): number | undefined {
  const page = Math.max(1, Math.round(count / 10));
  const next = {
    ArrowLeft: current - 1,
    ArrowDown: current - 1,
    ArrowRight: current + 1,
    ArrowUp: current + 1,
    PageDown: current - page,
    PageUp: current + page,
    Home: 0,
    End: count - 1,
  }[key];
  return next === undefined ? undefined : Math.min(Math.max(next, 0), count - 1);
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
