import type { CostData } from "../../data.js";
import { h } from "../dom.js";
import { bytes, duration, whole } from "../format.js";
import type { View } from "../selection.js";
import { spread } from "../statistics.js";
import { seriesStyle } from "../style.js";
import type { Section } from "./section.js";

const columns: {
  title: string;
  of: (cost: CostData) => number | null;
  format: (value: number | null) => string;
}[] = [
  { title: "Whole run", of: ({ seconds }) => seconds, format: duration },
  { title: "Training", of: ({ trainingSeconds }) => trainingSeconds, format: duration },
  { title: "Evaluation", of: ({ evaluationSeconds }) => evaluationSeconds, format: duration },
  { title: "Peak memory", of: ({ peakResidentBytes }) => peakResidentBytes, format: bytes },
  { title: "Trainable parameters", of: ({ trainableParameters }) => trainableParameters, format: rounded },
  { title: "All parameters", of: ({ totalParameters }) => totalParameters, format: rounded },
];

/** Time, memory and parameters; memory per phase where the runs recorded it. */
export const cost: Section = {
  id: "cost",
  name: "Cost",
  title: "Cost",
  draw({ views }) {
    if (views.length === 0) return null;
    const known = columns.filter(({ of }) =>
      views.some(({ runs }) => runs.some((run) => of(run.cost) !== null)),
    );
    const rows = views.map((view) => ({
      view,
      values: known.map(({ of }) => spread(view.runs.map((run) => of(run.cost))).mean),
    }));
    const phases = [
      ...new Set(
        views.flatMap(({ runs }) => runs.flatMap(({ cost }) => cost.memory.map(({ phase }) => phase))),
      ),
    ];
    return [
      h("p", {}, "Mean over the seeds; peak memory is that of the process."),
      table(
        "Cost of every method",
        known.map(({ title }) => title),
        rows.map(({ view, values }) => ({
          view,
          cells: values.map((value, j) => known[j]?.format(value) ?? "–"),
        })),
      ),
      phases.length > 0 && [
        h("h3", {}, "Peak memory per phase"),
        table(
          "Peak memory per phase",
          phases,
          views.map((view) => ({ view, cells: phases.map((phase) => phaseMemory(view, phase)) })),
        ),
      ],
    ];
  },
};

function table(label: string, columns: string[], rows: { view: View; cells: string[] }[]): HTMLElement {
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    h(
      "table",
      { class: "metrics" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["Method", ...columns].map((name) => h("th", { scope: "col" }, name)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map(({ view: { group }, cells }) =>
          h(
            "tr",
            { "--series": seriesStyle(group).color },
            h("th", { scope: "row" }, group.label),
            cells.map((cell) => h("td", {}, cell)),
          ),
        ),
      ),
    ),
  );
}

function phaseMemory({ runs }: View, phase: string): string {
  const found = runs.flatMap(({ cost }) => cost.memory.filter((entry) => entry.phase === phase));
  const resident = spread(found.map(({ residentBytes }) => residentBytes)).mean;
  const device = spread(found.map(({ deviceBytes }) => deviceBytes)).mean;
  return device === null ? bytes(resident) : `${bytes(resident)}, device ${bytes(device)}`;
}

function rounded(count: number | null): string {
  return whole(count === null ? null : Math.round(count));
}
