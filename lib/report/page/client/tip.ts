import { type Child, h } from "./dom.js";

let tip: HTMLElement | undefined;

/** Shows details beside something; what it belongs to says the same to screen readers. */
export function showTip(at: DOMRect, ...content: Child[]): void {
  hideTip();
  tip = h("div", { class: "tip", "aria-hidden": "true" }, ...content);
  document.body.append(tip);
  const { width, height } = tip.getBoundingClientRect();
  const margin = 8;
  const left = Math.min(Math.max(margin, at.left + at.width / 2 - width / 2), innerWidth - width - margin);
  const above = at.top - height - margin;
  const top = above >= margin ? above : at.bottom + margin;
  tip.style.setProperty("left", `${Math.max(margin, left) + scrollX}px`);
  tip.style.setProperty("top", `${top + scrollY}px`); // on the page, not the window: focus may scroll it into view
}

export function hideTip(): void {
  tip?.remove();
  tip = undefined;
}

/** Escape dismisses what hover or focus brought up. */
export function listenForDismissal(): void {
  addEventListener("keydown", ({ key }) => key === "Escape" && hideTip());
}
