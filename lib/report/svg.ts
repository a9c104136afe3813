import type { TopLevelSpec } from "vega-lite";

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
