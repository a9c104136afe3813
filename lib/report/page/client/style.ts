import { SERIES_COLORS } from "../../palette.js";
import type { GroupData } from "../data.js";
import { s } from "./dom.js";

const MARKERS = [
  "M-4,-4H4V4H-4Z",
  "M0,-5L5,4H-5Z",
  "M-4.5,0A4.5,4.5,0,1,1,4.5,0A4.5,4.5,0,1,1,-4.5,0Z",
  "M0,-5.6L5.6,0L0,5.6L-5.6,0Z",
  "M0,5L5,-4H-5Z",
];
const DASHES = ["", "6 3", "2 3"];

/** Colour, marker and dashes of a method, so that colour is never the only difference. */
export function seriesStyle({ style }: Pick<GroupData, "style">): {
  color: string;
  marker: string;
  dash: string;
} {
  if (style < 0) return { color: "var(--reference)", marker: "M0,0Z", dash: "1 4" };
  return {
    color: `var(--series-${style % SERIES_COLORS})`,
    marker: MARKERS[style % MARKERS.length] as string,
    dash: DASHES[Math.floor(style / SERIES_COLORS) % DASHES.length] as string,
  };
}

/** A sample of a method's line, for legends. */
export function swatch(group: Pick<GroupData, "style">): SVGElement {
  const { color, marker, dash } = seriesStyle(group);
  return s(
    "svg",
    {
      class: "swatch",
      viewBox: "-15 -7 30 14",
      width: 30,
      height: 14,
      "aria-hidden": "true",
      fill: color,
      stroke: color,
    },
    s("path", { d: "M-15,0H15", "stroke-width": 2, "stroke-dasharray": dash }),
    s("path", { d: marker, stroke: "none" }),
  );
}
