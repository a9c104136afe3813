import type { TopLevelSpec } from "vega-lite";

/** Okabe and Ito's palette, "Color Universal Design": told apart with every kind of colour vision. */
export const okabeIto = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"] as const;

/** The two encoders, as different in grey as in colour. */
export const encoderScale = { domain: ["vision", "text"], range: [okabeIto[0], okabeIto[1]] };

/** Markers in the order of the colours, so that colour is never the only difference. */
export const markers = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross"] as const;

export const ink = "#222222";
/** Colour of notes and labels beside the data. */
export const note = "#444444";
export const grey = "#8a8a8a";
export const band = "#d4d4d4";
/** Outline of what lies outside a noise band, on every colour of the heat maps. */
export const outline = "#D55E00";

/**
 * A figure's title, with notes below it in lines of at most `width` characters: text that is wider than the
 * plots would push them apart.
 */
export function titled(text: string, notes: readonly string[], width = 110) {
  return { text, subtitle: notes.flatMap((note) => wrap(note, width)) };
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Black on white, sizes for print at 100 %. */
export const theme: TopLevelSpec["config"] = {
  background: "white",
  font: "Helvetica, Arial, Liberation Sans, sans-serif",
  padding: 8,
  title: {
    anchor: "start",
    color: ink,
    fontSize: 13,
    offset: 10,
    subtitleColor: note,
    subtitleFontSize: 10,
    subtitleLineHeight: 13,
  },
  axis: {
    labelColor: ink,
    titleColor: ink,
    labelFontSize: 10,
    titleFontSize: 10,
    titleFontWeight: "normal",
    gridColor: "#e6e6e6",
    domainColor: grey,
    tickColor: grey,
    labelFlush: false,
  },
  legend: {
    labelColor: ink,
    titleColor: ink,
    labelFontSize: 10,
    titleFontSize: 10,
    titleFontWeight: "normal",
  },
  header: { labelColor: ink, labelFontSize: 11, titleFontSize: 10 },
  view: { stroke: null },
};
