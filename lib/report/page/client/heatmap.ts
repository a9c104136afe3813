import { type Child, h } from "./dom.js";
import { hideTip, showTip } from "./tip.js";

export interface HeatCell {
  text: string;
  /** Meaning of the value, for the tip and for screen readers. */
  description: string;
  /** From 0, the lowest, to 1, the highest; from −1 to 1 on a diverging scale. */
  shade: number;
  mark?: "learned" | "above" | "below";
}

export interface Heatmap {
  /** Unique on the page and the same after each drawing: keeps the focus in place. */
  key: string;
  label: string;
  corner: string;
  columns: string[];
  rows: { label: string; isBaseline?: boolean; cells: (HeatCell | null)[] }[];
  isDiverging?: boolean;
  hasUprightColumns?: boolean;
}

/** A table of shaded values. Tab reaches it once; the arrow keys, Home and End move inside. */
export function heatmap(map: Heatmap): HTMLElement {
  const cells: (HTMLElement | null)[][] = map.rows.map((row, r) =>
    row.cells.map((cell, c) => cell && heatCell(map, cell, r, c)),
  );
  cells.flat().find(Boolean)?.setAttribute("tabindex", "0");
  const head = map.columns.map((name) => h("th", { scope: "col", title: name }, h("span", {}, name)));
  const table = h(
    "table",
    {
      class: `heat${map.isDiverging ? " diverging" : ""}${map.hasUprightColumns ? " upright" : ""}`,
      role: "grid",
      "aria-label": map.label,
      "aria-readonly": "true",
      keydown: (event: KeyboardEvent) => move(event, cells),
      mouseleave: hideTip,
      focusout: hideTip,
    },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, map.corner), head)),
    h(
      "tbody",
      {},
      map.rows.map(({ label, isBaseline }, r) =>
        h(
          "tr",
          { class: isBaseline && "baseline" },
          h("th", { scope: "row", title: label }, h("span", {}, label)),
          cells[r]?.map((cell) => cell ?? h("td", { class: "empty" })) as Child[],
        ),
      ),
    ),
  );
  return h("div", { class: "scroll" }, table);
}

function heatCell(
  map: Heatmap,
  { text, description, shade, mark }: HeatCell,
  r: number,
  c: number,
): HTMLElement {
  const strength = Math.abs(shade);
  const classes = [shade < 0 && "negative", mark].filter(Boolean).join(" ");
  const show = (event: Event): void => {
    const cell = event.currentTarget as HTMLElement;
    showTip(cell.getBoundingClientRect(), description);
  };
  return h(
    "td",
    {
      role: "gridcell",
      tabindex: -1,
      class: classes || null,
      "--v": strength.toFixed(3),
      "aria-label": description,
      "data-key": `${map.key}/${r}/${c}`,
      mouseenter: show,
      focus: show,
    },
    text,
  );
}

function move(event: KeyboardEvent, cells: (HTMLElement | null)[][]): void {
  const r = cells.findIndex((row) => row.includes(event.target as HTMLElement));
  const c = cells[r]?.indexOf(event.target as HTMLElement) ?? -1;
  if (c < 0) return;
  const row = cells[r] as (HTMLElement | null)[];
  const targets: Record<string, HTMLElement | null | undefined> = {
    ArrowLeft: row[c - 1],
    ArrowRight: row[c + 1],
    ArrowUp: cells[r - 1]?.[c],
    ArrowDown: cells[r + 1]?.[c],
    Home: event.ctrlKey ? cells[0]?.[0] : row[0],
    End: event.ctrlKey ? cells.at(-1)?.at(-1) : row.at(-1),
  };
  if (!(event.key in targets)) return;
  event.preventDefault();
  const target = targets[event.key];
  if (!target) return;
  for (const cell of cells.flat()) cell?.setAttribute("tabindex", "-1");
  target.setAttribute("tabindex", "0");
  target.focus();
}
