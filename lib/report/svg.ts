import type { TopLevelSpec } from "vega-lite";
import type { Run } from "./run.js";

/** Colours that page and figures share, as CSS custom properties: dark on light, and light on dark. */
export const palette = {
  light: {
    ink: "#16202c",
    muted: "#566272",
    line: "#d9dee5",
    tint: "#eef1f5",
    page: "#ffffff",
    accent: "#1f5fb4",
    "heat-low": "#f4f7fb",
    "heat-high": "#0a2c63",
    "ink-on-low": "#0b1118",
    "ink-on-high": "#ffffff",
    // Okabe and Ito's hues, darkened to a contrast of 3:1 on white.
    reference: "#78828f",
    "series-0": "#c65300",
    "series-1": "#008763",
    "series-2": "#1f5fb4",
    "series-3": "#b0528d",
    "series-4": "#8f7400",
    "series-5": "#2b8fc4",
  },
  dark: {
    ink: "#e6ebf1",
    muted: "#9aa7b5",
    line: "#323c48",
    tint: "#1c242d",
    page: "#12181f",
    accent: "#7db3f2",
    "heat-low": "#17202a",
    "heat-high": "#a5d0ff",
    "ink-on-low": "#ffffff",
    "ink-on-high": "#0b1118",
    reference: "#93a0ae",
    "series-0": "#ff9a57",
    "series-1": "#3fcda2",
    "series-2": "#6aaaf5",
    "series-3": "#e79ac8",
    "series-4": "#e3c84f",
    "series-5": "#8ad2f5",
  },
} as const;

/** CSS that defines the palette on an element, following the reader's colour scheme. */
export function paletteCss(selector: string): string {
  const block = (scheme: "light" | "dark") =>
    Object.entries(palette[scheme])
      .map(([name, value]) => `--${name}:${value}`)
      .join(";");
  return (
    `${selector}{color-scheme:light dark;${block("light")}}\n` +
    `@media screen and (prefers-color-scheme:dark){${selector}{${block("dark")}}}`
  );
}

/** How one run looks in figures. The marker differs too, so that colour is never the only difference. */
export interface SeriesStyle {
  color: string;
  dash: number[];
  /** SVG path around the origin, about two units wide. */
  marker: string;
}

const COLORS = 6;
const MARKERS = [
  "M-1,-1L1,-1L1,1L-1,1Z",
  "M0,-1.2L1.2,1L-1.2,1Z",
  "M-1.1,0A1.1,1.1,0,1,1,1.1,0A1.1,1.1,0,1,1,-1.1,0Z",
  "M0,-1.4L1.4,0L0,1.4L-1.4,0Z",
  "M0,1.2L1.2,-1L-1.2,-1Z",
];

/** One style per run, in order. Zero-shot is the dotted grey reference that the others are read against. */
export function seriesStyles(runs: Run[]): SeriesStyle[] {
  let trained = 0;
  return runs.map(({ info }) => {
    if (info.method === "zero-shot") return { color: "var(--reference)", dash: [1, 3], marker: "M0,0Z" };
    const i = trained++;
    return { color: `var(--series-${i % COLORS})`, dash: [], marker: MARKERS[i % MARKERS.length] as string };
  });
}

/** Draws a Vega-Lite figure as SVG, in the palette's custom properties, named for screen readers. */
export async function renderSvg(spec: TopLevelSpec, name: string): Promise<string> {
  const [vega, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  const view = new vega.View(vega.parse(compile({ ...spec, config }).spec), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return svg.replace(
    "<svg ",
    `<svg role="img" aria-label="${name.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)}" `,
  );
}

const config: TopLevelSpec["config"] = {
  aria: false, // one name for the whole figure; its numbers are in the tables
  background: "transparent",
  font: "system-ui, sans-serif",
  padding: 4,
  title: { limit: 280, color: "var(--ink)", fontSize: 13, fontWeight: 600, anchor: "start", offset: 8 },
  axis: {
    labelColor: "var(--muted)",
    titleColor: "var(--muted)",
    labelFontSize: 11,
    labelPadding: 6,
    titleFontSize: 11,
    titleFontWeight: 400,
    gridColor: "var(--line)",
    domainColor: "var(--line)",
    tickColor: "var(--line)",
  },
  view: { stroke: null },
};
