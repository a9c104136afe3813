import type { TopLevelSpec } from "vega-lite";
import { csvLines } from "../csv.js";
import type { Figure, Row } from "./figure.js";
import { textWidth } from "./text-width.js";
import { theme } from "./theme.js";

/** Pixels of the PNG per pixel of the SVG. */
const pngScale = 2;

export interface RenderedFigure {
  readonly svg: string;
  readonly png: Buffer;
  readonly csv: string;
}

/** Draws a figure, without a browser. */
export async function renderFigure({ spec, rows }: Figure): Promise<RenderedFigure> {
  const [vega, { compile }, { default: sharp }] = await Promise.all([
    import("vega"),
    import("vega-lite"),
    import("sharp"),
  ]);
  measureText(vega);
  const view = new vega.View(vega.parse(compile({ ...(spec as TopLevelSpec), config: theme }).spec), {
    renderer: "none",
  });
  try {
    const svg = await view.toSVG();
    const png = await sharp(Buffer.from(svg), { density: 72 * pngScale })
      .png()
      .toBuffer();
    return { svg, png, csv: csvOf(rows) };
  } finally {
    view.finalize();
  }
}

/** Widths of texts, which vega's declarations leave out. */
interface Measuring {
  readonly textMetrics: { width(item: { fontSize?: number }, text: unknown): number };
}

/** Without a canvas, vega takes every letter for a wide one, which leaves figures half empty. */
function measureText(vega: object): void {
  const { textMetrics } = vega as Measuring;
  textMetrics.width = ({ fontSize = 11 }, text) => textWidth(String(text ?? "").trim(), fontSize);
}

/** Rows as comma-separated values under their names; empty where there is no value. */
function csvOf(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return csvLines([names, ...rows.map((row) => names.map((name) => row[name]))]);
}
