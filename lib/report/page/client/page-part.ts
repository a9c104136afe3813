import { h } from "./dom.js";
import type { Section } from "./sections/section.js";
import type { Selection } from "./selection.js";
import { hideTip } from "./tip.js";

/** A section on the page, and its place in the list of links. */
export class PagePart {
  readonly element: HTMLElement;
  readonly link: HTMLElement;
  /** Whether it shows what was selected before. */
  isStale = true;
  readonly #body = h("div", {});

  constructor(readonly section: Section) {
    const { id, name, title } = section;
    this.element = h("section", { id, "aria-label": title }, h("h2", {}, title), this.#body);
    this.link = h("li", {}, h("a", { href: `#${id}` }, name));
  }

  /** Shows what is selected now. The focus stays where it is. */
  draw(selection: Selection): void {
    this.isStale = false;
    const content = this.section.draw(selection);
    this.element.hidden = content === null;
    this.link.hidden = content === null;
    const { activeElement } = document;
    const focused = this.#body.contains(activeElement) && activeElement?.getAttribute("data-key");
    if (focused) hideTip();
    this.#body.replaceChildren(h("div", {}, content));
    if (focused) this.#body.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }
}
