import type { CheckData, DriftData } from "../data.js";
import { h } from "./dom.js";
import { percent } from "./format.js";
import { measureTables } from "./sections/guard.js";
import { themeButton } from "./theme.js";

/** The page of `codyra check`: what a new model does to the one in use. */
export function drawCheck({ title, facts, check }: CheckData): void {
  const { isBroken, advice, drift } = check;
  document.body.append(
    h("a", { class: "skip", href: "#guard" }, "Skip to the results"),
    h(
      "header",
      {},
      h("p", { class: "eyebrow" }, "codyra check"),
      h("h1", {}, title),
      h(
        "div",
        { class: "lead" },
        h("p", {}, isBroken ? "Limits are broken: do not ship the new model." : "No limit is broken."),
      ),
      h(
        "dl",
        { class: "facts" },
        facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
      ),
    ),
    h("div", { class: "toolbar" }, h("div", { class: "tools" }, themeButton())),
    h(
      "main",
      {},
      h(
        "section",
        { id: "guard", "aria-label": "Guard" },
        h("h2", {}, "Guard"),
        advice !== null && h("p", { class: "verdict" }, advice),
        measureTables(title, [check], ["Old", "New"]),
        drift !== null && [h("h4", {}, "The index"), neighbours(drift)],
      ),
    ),
  );
}

/** The neighbours that new queries find in the old index, as they are and mapped to its vectors. */
function neighbours({ ks, kept, mapped, cosine }: DriftData): HTMLElement {
  const share = (value: number | undefined) => h("td", {}, value === undefined ? "–" : `${percent(value)} %`);
  const columns = ["Nearest neighbours", "Queries as they are", "Queries mapped"];
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Neighbours that are still found" },
    h(
      "table",
      { class: "guard" },
      h(
        "caption",
        {},
        `Share that new queries still find in the old index; mean cosine ${cosine.toFixed(3)}`,
      ),
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
        ks.map((k, i) => h("tr", {}, h("th", { scope: "row" }, k), share(kept[i]), share(mapped[i]))),
      ),
    ),
  );
}
