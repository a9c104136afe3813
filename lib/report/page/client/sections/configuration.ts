import type { DatasetData, PageData, RunData } from "../../data.js";
import { h } from "../dom.js";
import { duration, whole } from "../format.js";
import type { Selection, View } from "../selection.js";
import type { Section } from "./section.js";

let showsAll = false;

/** The section with settings, versions and fingerprints of the data, which repeating the runs needs. */
export const configuration: Section = {
  id: "configuration",
  name: "Configuration",
  title: "Configuration",
  draw(selection) {
    const { data, views } = selection;
    const names = [
      ...new Set(views.flatMap(({ runs }) => runs.flatMap(({ settings }) => Object.keys(settings)))),
    ];
    const rows = names.map((name) => ({ name, values: views.map((view) => settingOf(view, name)) }));
    const differing = rows.filter(({ values }) => new Set(values).size > 1);
    const canHide = views.length > 1 && differing.length < rows.length;
    const shown = canHide && !showsAll ? differing : rows;
    return [
      canHide && filter(selection, rows.length - differing.length),
      views.length > 0 && settingsTable(views, shown),
      h("h3", {}, "Datasets"),
      data.warnings.map((warning) => h("p", { class: "warning" }, warning)),
      datasetsTable([...data.datasets, ...data.holdOuts]),
      h("h3", {}, "Runs"),
      runsTable(data),
    ];
  },
};

function settingsTable(views: View[], rows: { name: string; values: string[] }[]): HTMLElement {
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Settings of every method" },
    h(
      "table",
      { class: "plain" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["Setting", ...views.map(({ group }) => group.label)].map((name) =>
            h("th", { scope: "col" }, name),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map(({ name, values }) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, name),
            values.map((value) => h("td", {}, value)),
          ),
        ),
      ),
    ),
  );
}

function filter(selection: Selection, same: number): HTMLElement {
  const change = (event: Event): void => {
    showsAll = (event.target as HTMLInputElement).checked;
    selection.redraw();
  };
  return h(
    "label",
    { class: "filter" },
    h("input", { type: "checkbox", checked: showsAll, change, "data-key": "configuration/all" }),
    ` Show also the ${same} settings that all methods share`,
  );
}

/** Seeds agree in most settings; where they do not, each says its own. */
function settingOf({ runs }: View, name: string): string {
  const values = runs.map(({ settings }) => settings[name] ?? "–");
  if (new Set(values).size === 1) return values[0] as string;
  return runs.map(({ seed }, i) => `seed ${seed}: ${values[i]}`).join("; ");
}

function datasetsTable(datasets: DatasetData[]): HTMLElement {
  const columns = ["Dataset", "Classes", "Training images", "Test images", "Prompt", "Fingerprint"];
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Datasets" },
    h(
      "table",
      { class: "plain datasets" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          columns.map((name) => h("th", { scope: "col" }, name)),
        ),
      ),
      h(
        "tbody",
        {},
        datasets.map(({ name, classes, trainImages, testImages, template, fingerprints }) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, name),
            [whole(classes), trainImages === null ? "hold-out" : whole(trainImages), whole(testImages)].map(
              (count) => h("td", { class: "number" }, count),
            ),
            h("td", {}, template),
            h(
              "td",
              {},
              fingerprints.map(({ seeds, fingerprint }) =>
                h(
                  "div",
                  {},
                  fingerprints.length > 1 && h("small", {}, `seed ${seeds.join(", ")} `),
                  h("code", {}, fingerprint),
                ),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}

function runsTable({ groups, runs }: PageData): HTMLElement {
  const rows = groups.flatMap(({ label, runs: own }) => own.map((i) => ({ label, run: runs[i] as RunData })));
  const columns = ["Method", "Seed", "Started", "Finished", "Took", "Directory"];
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Runs" },
    h(
      "table",
      { class: "plain runs" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          columns.map((name) => h("th", { scope: "col" }, name)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map(({ label, run: { seed, started, finished, cost, directory } }) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, label),
            [seed, started, finished ?? "not finished", duration(cost.seconds)].map((value) =>
              h("td", {}, value),
            ),
            h("td", {}, h("code", {}, directory)),
          ),
        ),
      ),
    ),
  );
}
