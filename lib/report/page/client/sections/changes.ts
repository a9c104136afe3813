import { h } from "../dom.js";
import { percent, signed } from "../format.js";
import type { View } from "../selection.js";
import { swatch } from "../style.js";
import type { Section } from "./section.js";

/** Per dataset: where it began, how far it was learned, and where it ended. */
export const changes: Section = {
  id: "changes",
  name: "Changes",
  title: "Gained and forgotten",
  draw({ views, data }) {
    const finished = views.filter(({ accuracy }) => accuracy.matrix.length === data.datasets.length);
    if (finished.length === 0) return null;
    const names = data.datasets.map(({ name }) => name);
    return [
      h(
        "p",
        {},
        "Each track runs from 0 to 100 %. The thin mark is zero-shot accuracy. The ring is the accuracy when the dataset was just learned, ",
        "and the dot that at the end of the stream. The bar between them is what was forgotten since, or gained on top. ",
        "Numbers are points: gained over zero-shot, and changed since the dataset was learned.",
      ),
      h(
        "div",
        { class: "panels" },
        finished.map((view) => changesTable(view, names)),
      ),
    ];
  },
};

function changesTable({ group, accuracy: { zeroShot, matrix } }: View, names: string[]): HTMLElement {
  const rows = names.map((name, j) => ({
    name,
    before: zeroShot?.[j]?.mean ?? null,
    learned: matrix[j]?.[j]?.mean ?? null,
    end: matrix.at(-1)?.[j]?.mean ?? null,
  }));
  return h(
    "figure",
    {},
    h("figcaption", {}, swatch(group), group.label),
    h(
      "table",
      { class: "changes", "aria-label": `Gains and losses of ${group.label}` },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["Dataset", "", "End", "Gained", "Since learned"].map((name) => h("th", { scope: "col" }, name)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map(({ name, before, learned, end }) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, name),
            h("td", {}, track(before, learned, end)),
            h("td", {}, percent(end)),
            h(
              "td",
              { class: sign(difference(end, before)), title: "end − zero-shot" },
              signed(difference(end, before)),
            ),
            h(
              "td",
              { class: sign(difference(end, learned)), title: "end − just learned" },
              signed(difference(end, learned)),
            ),
          ),
        ),
      ),
    ),
  );
}

function track(before: number | null, learned: number | null, end: number | null): HTMLElement {
  const [from, to] = [Math.min(learned ?? 0, end ?? 0), Math.max(learned ?? 0, end ?? 0)];
  return h(
    "div",
    { class: "track", "aria-hidden": "true" },
    before !== null && h("i", { class: "before", "--at": before }),
    h("i", {
      class: (end ?? 0) < (learned ?? 0) ? "span lost" : "span won",
      "--at": from,
      "--length": to - from,
    }),
    learned !== null && h("i", { class: "learned", "--at": learned }),
    end !== null && h("i", { class: "end", "--at": end }),
  );
}

function difference(after: number | null, before: number | null): number | null {
  return after === null || before === null ? null : after - before;
}

function sign(value: number | null): string | null {
  if (value === null || percent(value) === "0.0") return null;
  return value > 0 ? "won" : "lost";
}
