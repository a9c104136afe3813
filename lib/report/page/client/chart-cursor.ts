import type { LineChart, Series } from "./chart.js";
import { type Child, h } from "./dom.js";
import { hideTip, showTip } from "./tip.js";

/** The line in a chart that marks the x which is read. */
export interface CursorLine {
  show(at: number): void;
  hide(): void;
  /** The place of an x, as a fraction of the chart's width. */
  toFraction(at: number): number;
}

/** Reads all lines of a chart at one x, by the pointer and by the keys of a slider. */
export class ChartCursor {
  readonly slider: HTMLElement;
  readonly #chart: LineChart;
  readonly #line: CursorLine;
  readonly #positions: readonly number[];
  #current: number;

  constructor(chart: LineChart, svg: SVGElement, line: CursorLine) {
    const all = new Set(chart.series.flatMap(({ points }) => points.map(([x]) => x)));
    this.#chart = chart;
    this.#line = line;
    this.#positions = [...all].sort((a, b) => a - b);
    this.#current = all.size - 1;
    this.slider = h(
      "div",
      {
        class: "chart",
        role: "slider",
        tabindex: 0,
        "aria-label": chart.title,
        "aria-valuemin": 0,
        "aria-valuemax": Math.max(all.size - 1, 0),
        "data-key": chart.key,
        focus: () => this.#read(this.#current),
        blur: () => this.#leave(),
        keydown: (event: KeyboardEvent) => {
          const next = nextPosition(event.key, this.#current, all.size);
          if (next === undefined) return;
          event.preventDefault();
          this.#read(next);
        },
        pointermove: (event: PointerEvent) => this.#read(this.#nearest(event)),
        pointerleave: () => this.#leave(),
      },
      svg,
    );
    this.#describe();
  }

  #nearest({ clientX }: PointerEvent): number {
    const { left, width } = this.slider.getBoundingClientRect();
    const distances = this.#positions.map((x) => Math.abs(left + this.#line.toFraction(x) * width - clientX));
    return distances.indexOf(Math.min(...distances));
  }

  /** Tells the slider's value to screen readers. @returns the same for the tip */
  #describe(): { heading: string; rows: Child[] } {
    const { series, describeX, y } = this.#chart;
    const x = this.#positions[this.#current];
    const found = x === undefined ? [] : valuesAt(series, x);
    const heading = x === undefined ? "no values yet" : describeX(x);
    this.slider.setAttribute("aria-valuenow", String(Math.max(this.#current, 0)));
    const texts = found.map(({ label, value }) => `${label} ${y.format(value)}`);
    this.slider.setAttribute("aria-valuetext", [heading, ...texts].join(", "));
    return {
      heading,
      rows: found.map(({ label, color, value }) =>
        h("li", { "--series": color }, h("span", {}, label), h("b", {}, y.format(value))),
      ),
    };
  }

  #read(position: number): void {
    const x = this.#positions[position];
    if (x === undefined) return;
    this.#current = position;
    const { heading, rows } = this.#describe();
    const { left, width, top, height } = this.slider.getBoundingClientRect();
    this.#line.show(x);
    const at = left + this.#line.toFraction(x) * width;
    showTip(new DOMRect(at, top, 0, height), h("strong", {}, heading), h("ul", {}, ...rows));
  }

  #leave(): void {
    this.#line.hide();
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
