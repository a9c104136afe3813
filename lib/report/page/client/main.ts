import type { CheckData, PageData } from "../data.js";
import { drawCheck } from "./check.js";
import { h } from "./dom.js";
import { header, liveBanner, toolbar } from "./header.js";
import { follow } from "./live.js";
import { PagePart } from "./page-part.js";
import { changes } from "./sections/changes.js";
import { configuration } from "./sections/configuration.js";
import { cost } from "./sections/cost.js";
import { curves } from "./sections/curves.js";
import { guard } from "./sections/guard.js";
import { loss } from "./sections/loss.js";
import { matrices } from "./sections/matrices.js";
import { metrics } from "./sections/metrics.js";
import { ranks } from "./sections/ranks.js";
import { results } from "./sections/results.js";
import type { Section } from "./sections/section.js";
import { Selection } from "./selection.js";
import { listenForDismissal } from "./tip.js";
import "./styles/page.css";

const sections: Section[] = [
  results,
  changes,
  curves,
  matrices,
  ranks,
  metrics,
  guard,
  loss,
  cost,
  configuration,
];

const source = document.getElementById("data") as HTMLScriptElement;
const data = JSON.parse(source.textContent) as PageData | CheckData;
if ("check" in data) drawCheck(data);
else start(new Selection(data));

function start(selection: Selection): void {
  const top = h("header", {});
  const parts = sections.map((section) => new PagePart(section));
  const links = h("ul", {}, ...parts.map(({ link }) => link));
  const footer = "Every number on this page comes from the run directories listed at its end.";
  document.body.append(
    h("a", { class: "skip", href: "#results" }, "Skip to the results"),
    top,
    toolbar(selection, links),
    h("main", {}, ...parts.map(({ element }) => element)),
    h("footer", {}, h("p", {}, footer)),
  );
  listenForDismissal();
  addEventListener("beforeprint", () => {
    drawAll();
    for (const details of document.querySelectorAll<HTMLDetailsElement>("main details")) details.open = true;
  });
  links.addEventListener("click", drawAll); // so that the target does not move when what is above it is drawn
  selection.onChange(refresh);
  refresh();
  if (source.dataset.events) follow(source.dataset.events, selection);

  /**
   * The first section appears at once; the others follow one by one, each in a task of its own, so that the
   * page never stalls.
   */
  function refresh(): void {
    document.title = selection.data.title;
    top.replaceChildren(h("div", {}, liveBanner(selection.data), header(selection)));
    for (const part of parts) part.isStale = true;
    drawNext();
  }

  function drawNext(): void {
    const part = parts.find(({ isStale }) => isStale);
    if (!part) return;
    part.draw(selection);
    setTimeout(drawNext);
  }

  function drawAll(): void {
    for (const part of parts) if (part.isStale) part.draw(selection);
  }
}
