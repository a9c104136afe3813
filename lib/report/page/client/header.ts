import type { Summary } from "../../summary.js";
import type { PageData } from "../data.js";
import { type Child, h } from "./dom.js";
import type { Selection } from "./selection.js";
import { themeButton } from "./theme.js";

/** The title, the settings and the outcome of the runs, in words. */
export function header({ data }: Selection): Child[] {
  const { title, summary, facts, warnings } = data;
  return [
    h("p", { class: "eyebrow" }, "codyra report"),
    h("h1", {}, title),
    h("div", { class: "lead" }, summaryLines(summary)),
    h(
      "dl",
      { class: "facts" },
      facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    ),
    warnings.map((warning) => h("p", { class: "warning" }, warning)),
  ];
}

/** The three findings, each under its name. */
export function summaryLines({ gained, forgotten, changed }: Summary): Child[] {
  const lines = { Gained: gained, Forgotten: forgotten, Changed: changed };
  return Object.entries(lines).map(([name, text]) => text && h("p", {}, h("b", {}, name), ` ${text}`));
}

/** Links to the sections, and what the reader can choose for all of them. */
export function toolbar(selection: Selection, links: Child): HTMLElement {
  const { data, seeds } = selection;
  return h(
    "div",
    { class: "toolbar" },
    h("nav", { "aria-label": "Sections" }, links),
    h(
      "div",
      { class: "tools" },
      data.groups.length > 1 && methodPicker(selection),
      seeds.length > 1 && seedPicker(selection, seeds),
      themeButton(),
    ),
  );
}

function methodPicker(selection: Selection): HTMLElement {
  const count = h("summary", {});
  const boxes = selection.data.groups.map((group) => {
    const box = h("input", {
      type: "checkbox",
      change: (event: Event) => selection.show(group, (event.target as HTMLInputElement).checked),
    });
    return { group, box, label: h("label", {}, box, ` ${group.label}`) };
  });
  const refresh = (): void => {
    for (const { group, box } of boxes) box.checked = selection.isShown(group);
    const shown = boxes.filter(({ box }) => box.checked).length;
    count.textContent = `Methods: ${shown} of ${boxes.length}`;
  };
  selection.onChange(refresh);
  refresh();
  const picker = h(
    "details",
    {
      class: "picker",
      keydown: ({ key }: KeyboardEvent) => {
        if (key !== "Escape") return;
        picker.open = false;
        count.focus();
      },
    },
    count,
    h(
      "div",
      {},
      boxes.map(({ label }) => label),
      h(
        "p",
        {},
        h("button", { type: "button", click: () => selection.showAll(true) }, "All"),
        h("button", { type: "button", click: () => selection.showAll(false) }, "None"),
      ),
    ),
  );
  return picker;
}

function seedPicker(selection: Selection, seeds: number[]): HTMLElement {
  const change = (event: Event): void => {
    const { value } = event.target as HTMLSelectElement;
    selection.showSeed(value === "" ? null : Number(value));
  };
  return h(
    "label",
    {},
    "Seed ",
    h(
      "select",
      { change },
      h("option", { value: "" }, `mean of ${seeds.length}`),
      seeds.map((seed) => h("option", { value: seed }, seed)),
    ),
  );
}

/** The state of the run, on a page that is served. */
export function liveBanner(data: PageData): HTMLElement | null {
  const { live } = data;
  return live ? h("p", { class: `live ${live.state}`, role: "status" }, live.message) : null;
}
