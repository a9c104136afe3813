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
    reference: "#93a0ae",
    "series-0": "#ff9a57",
    "series-1": "#3fcda2",
    "series-2": "#6aaaf5",
    "series-3": "#e79ac8",
    "series-4": "#e3c84f",
    "series-5": "#8ad2f5",
  },
} as const;

/** How many `series-…` there are. */
export const SERIES_COLORS = 6;

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

/**
 * The palette for a page whose reader can also choose a scheme, through `data-theme` on its root. Paper is
 * always light.
 */
export const pagePalette = `:root{color-scheme:light dark;${Object.entries(palette.light)
  .map(([name, light]) => `--${name}:light-dark(${light},${palette.dark[name as keyof typeof palette.dark]})`)
  .join(";")}}
:root[data-theme=light]{color-scheme:light}
:root[data-theme=dark]{color-scheme:dark}
@media print{:root,:root[data-theme]{color-scheme:light}}`;
