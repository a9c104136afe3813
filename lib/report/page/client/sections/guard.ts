import type { DriftData, GuardData, RunData } from "../../data.js";
import { lineChart, type Series } from "../chart.js";
import { type Child, h } from "../dom.js";
import { percent } from "../format.js";
import type { View } from "../selection.js";
import { seriesStyle, swatch } from "../style.js";
import type { Section } from "./section.js";

/** The section about each task's effect on the model in use: limits, retrieval, and the index. */
export const guard: Section = {
  id: "guard",
  name: "Guard",
  title: "Guard",
  draw({ views }) {
    const guarded = views.flatMap((view) =>
      view.runs.filter((run) => run.guard.length > 0).map((run) => ({ view, run })),
    );
    if (guarded.length === 0) return null;
    return [
      h(
        "p",
        {},
        "After a task, the model is compared with the one before the stream, or with the one named. A task that breaks a limit (✗) is kept: ",
        "do not ship its model, or change the limits.",
      ),
      guarded.map(({ view, run }) => ofRun(view, run)),
    ];
  },
};

function ofRun({ group, runs }: View, { guard, seed }: RunData): HTMLElement {
  const label = runs.length > 1 ? `${group.label}, seed ${seed}` : group.label;
  const last = guard.at(-1) as GuardData;
  const against = last.against === null ? "" : `, against ${last.against}`;
  const broken = guard.filter(({ isBroken }) => isBroken).map(({ dataset }) => dataset);
  return h(
    "div",
    { class: "group" },
    h("h3", {}, swatch(group), `${label}${against}`),
    h(
      "p",
      { class: "verdict" },
      broken.length === 0 ? "No limit is broken." : `Limits are broken after ${broken.join(", ")}.`,
      last.advice !== null && ` ${last.advice}`,
    ),
    measureTables(label, guard, ["Before", ...guard.map(({ dataset }) => `after ${dataset}`)]),
    last.drift !== null && [h("h4", {}, "The index"), driftChart(label, guard)],
  );
}

/**
 * Limits, and retrieval where it was measured: a row per measure.
 * @param columns titles of the model before, and of each of `guard`
 */
export function measureTables(label: string, guard: GuardData[], columns: string[]): Child[] {
  const rows = (isRecall: boolean) =>
    guard.at(-1)?.measures.filter((each) => each.isRecall === isRecall) ?? [];
  const of = (what: string, isRecall: boolean) =>
    table(
      `${what} of ${label}`,
      rows(isRecall).map(({ name }) => name),
      guard,
      columns,
    );
  return [of("Limits", false), rows(true).length > 0 && [h("h4", {}, "Retrieval"), of("Retrieval", true)]];
}

function table(label: string, names: string[], guard: GuardData[], columns: string[]): HTMLElement {
  const find = (found: GuardData | undefined, name: string) =>
    found?.measures.find((each) => each.name === name);
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    h(
      "table",
      { class: "guard" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["Measure", "Limit", ...columns].map((name) => h("th", { scope: "col" }, name)),
        ),
      ),
      h(
        "tbody",
        {},
        names.map((name) => {
          const shown = find(guard.at(-1), name);
          return h(
            "tr",
            {},
            h("th", { scope: "row" }, name),
            h("td", {}, shown?.limit),
            h("td", {}, shown?.before),
            guard.map((found) => {
              const { after = "–", isBroken = false } = find(found, name) ?? {};
              return h("td", isBroken ? { class: "broken" } : {}, isBroken ? `✗ ${after}` : after);
            }),
          );
        }),
      ),
    ),
  );
}

/** How much of an index outlives the tasks: neighbours that new queries still find, and cosines. */
function driftChart(label: string, guard: GuardData[]): HTMLElement {
  const measured = guard.filter(({ drift }) => drift !== null);
  const ks = measured.at(-1)?.drift?.ks ?? [];
  const at = Math.min(1, ks.length - 1); // ten neighbours, where there are as many
  const line = (label: string, style: number, of: (drift: DriftData) => number | undefined): Series => ({
    label,
    ...seriesStyle({ style }),
    points: measured.flatMap(({ task, drift }): [number, number][] => {
      const value = drift ? of(drift) : undefined;
      return value === undefined ? [] : [[task + 1, value]];
    }),
  });
  const series = [
    line("mean cosine", 0, ({ cosine }) => cosine),
    ...ks.map((k, i) => line(`neighbours kept at ${k}`, i + 1, ({ kept }) => kept[i])),
    line(`the same at ${ks[at]}, queries mapped`, ks.length + 1, ({ mapped }) => mapped[at]),
  ];
  const tasks = measured.map(({ task }) => task + 1);
  const lowest = Math.min(0, ...series.flatMap(({ points }) => points.map(([, y]) => y)));
  return h(
    "figure",
    {},
    h("figcaption", {}, "Neighbours that new queries find in the old index, and movement of its vectors"),
    lineChart({
      key: `guard/${label}`,
      title: `An index over the tasks of ${label}`,
      series,
      x: { title: "after task", domain: [Math.min(...tasks), Math.max(...tasks)], ticks: tasks },
      y: {
        title: "",
        domain: [lowest, 1],
        format: (value) => `${percent(value)} %`,
        tick: (value) => `${Math.round(100 * value)} %`,
      },
      describeX: (x) => `after task ${x} (${guard.find(({ task }) => task + 1 === x)?.dataset})`,
      size: { width: 480, height: 220 },
    }),
    h(
      "ul",
      { class: "legend" },
      series.map(({ label }, style) => h("li", {}, swatch({ style }), label)),
    ),
  );
}
