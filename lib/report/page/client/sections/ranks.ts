import { type BinomialBand, binomialBand } from "../../../binomial.js";
import type { PageData } from "../../data.js";
import { h } from "../dom.js";
import { type HeatCell, heatmap } from "../heatmap.js";
import type { Selection, View } from "../selection.js";
import { swatch } from "../style.js";
import type { Section } from "./section.js";

type Module = PageData["modules"][number][number];

/**
 * How many ranks of every adapted matrix stayed active, over all tasks and per task, against what chance
 * explains.
 */
export const ranks: Section = {
  id: "ranks",
  name: "Ranks",
  title: "Active ranks",
  draw(selection) {
    const adapted = selection.views.filter(({ runs }) => runs.some((run) => run.ranks));
    if (adapted.length === 0) return null;
    const selective = adapted.filter((view) => !isFull(view));
    return [
      h(
        "p",
        {},
        "The maps count the ranks of every adapted matrix with a non-zero importance weight after a task. Rows are the projections of a layer, ",
        "columns the layers from input to output. Inactive ranks change nothing and are dropped when merging. ",
        "▲ marks more ranks than chance explains, ▼ fewer.",
      ),
      adapted.map((view) => rankMaps(selection, view, selective.length === 1)),
    ];
  },
};

/**
 * The counts of each matrix, added up over seeds and possibly tasks: `trials` ranks could have stayed active.
 */
interface Counts {
  heading: string;
  active: number[];
  trials: number;
  /** How many counts were added: the map shows their mean. */
  times: number;
}

function rankMaps({ data }: Selection, view: View, isAlone: boolean): HTMLElement {
  const { group } = view;
  const histories = view.runs.flatMap(({ ranks }) => ranks ?? []);
  const [first] = histories;
  const modules = data.modules[first?.modules ?? -1] ?? [];
  const comparable = histories.filter(
    ({ rank, modules }) => rank === first?.rank && modules === first.modules,
  );
  const rank = first?.rank ?? 1;
  const tasks = comparable.flatMap((history) => history.tasks);
  const names = [...new Set(tasks.map(({ dataset }) => dataset))];
  const add = (heading: string, added: { active: number[] }[]): Counts => ({
    heading,
    active: modules.map((_, i) => added.reduce((sum, { active }) => sum + (active[i] ?? 0), 0)),
    trials: rank * added.length,
    times: added.length,
  });
  const each = names.map((name) =>
    add(
      name,
      tasks.filter(({ dataset }) => dataset === name),
    ),
  );
  const map = (counts: Counts): HTMLElement => rankMap(counts, modules, rank, group.label);
  return h(
    "div",
    { class: "group" },
    h("h3", {}, swatch(group), group.label, h("small", {}, ` rank ${rank} in ${modules.length} matrices`)),
    isFull(view)
      ? h("p", {}, `All ${(rank * modules.length).toLocaleString("en")} ranks are active after every task.`)
      : [
          h(
            "div",
            { class: "panels natural" },
            map(add(names.length > 1 ? "mean of all tasks" : (names[0] ?? ""), tasks)),
          ),
          names.length > 1 && details(group.label, isAlone, () => each.map(map)),
        ],
  );
}

function isFull({ runs }: View): boolean {
  const histories = runs.flatMap(({ ranks }) => ranks ?? []);
  return histories.every(({ rank, tasks }) => tasks.every(({ active }) => active.every((n) => n === rank)));
}

/** Maps of single tasks are drawn when they are asked for. */
function details(label: string, isOpen: boolean, draw: () => HTMLElement[]): HTMLElement {
  const maps = h("div", { class: "panels natural" });
  const fill = (): void => maps.replaceChildren(...draw());
  const element = h(
    "details",
    { class: "each", toggle: () => maps.childElementCount === 0 && fill() },
    h("summary", { "data-key": `ranks/${label}` }, "Each task"),
    maps,
  );
  if (isOpen) fill();
  element.open = isOpen;
  return element;
}

function rankMap(
  { heading, active, trials, times }: Counts,
  modules: Module[],
  rank: number,
  label: string,
): HTMLElement {
  const share = active.reduce((sum, count) => sum + count, 0) / (trials * modules.length);
  const band = binomialBand(trials, share);
  const outside = active.filter((count) => count < band.low || count > band.high).length;
  return h(
    "figure",
    {},
    h("figcaption", {}, heading, h("small", {}, ` ${Math.round(100 * share)} % active`)),
    h(
      "div",
      { class: "encoders" },
      (["vision", "text"] as const).map((encoder) => {
        const own = modules.flatMap((module, i) =>
          module.encoder === encoder ? [{ ...module, count: active[i] as number }] : [],
        );
        return own.length > 0 && encoderMap(own, encoder, { band, rank, times, key: `${label}/${heading}` });
      }),
    ),
    h("p", { class: "note" }, describeBand(band, outside, modules.length, times)),
  );
}

function describeBand(
  { low, high, outside }: BinomialBand,
  found: number,
  matrices: number,
  times: number,
): string {
  const format = (count: number) => (times === 1 ? String(count) : (count / times).toFixed(1));
  return (
    `Were all matrices alike, chance would leave ${format(low)} to ${format(high)} ranks; ` +
    `${found} of ${matrices} lie outside, where chance alone puts ${(outside * matrices).toFixed(1)}.`
  );
}

function encoderMap(
  modules: (Module & { count: number })[],
  encoder: string,
  { band, rank, times, key }: { band: BinomialBand; rank: number; times: number; key: string },
): HTMLElement {
  const layers = [...new Set(modules.map(({ layer }) => layer))].sort((a, b) => a - b);
  const targets = [...new Set(modules.map(({ target }) => target))];
  const cell = (target: string, layer: number): HeatCell | null => {
    const module = modules.find((candidate) => candidate.layer === layer && candidate.target === target);
    if (!module) return null;
    const active = module.count / times;
    const text = times === 1 ? String(active) : active.toFixed(1);
    const mark = module.count > band.high ? "above" : module.count < band.low ? "below" : undefined;
    const verdict = mark ? `${mark} what chance explains` : "within what chance explains";
    return {
      text,
      description: `${encoder} ${target}, layer ${layer + 1}: ${text} of ${rank} ranks active, ${verdict}`,
      shade: active / rank,
      mark,
    };
  };
  return heatmap({
    key: `ranks/${key}/${encoder}`,
    label: `Active ranks of the ${encoder} encoder, ${key}`,
    corner: encoder,
    columns: layers.map((layer) => String(layer + 1)),
    rows: targets.map((target) => ({ label: target, cells: layers.map((layer) => cell(target, layer)) })),
  });
}
