import { type Child, h } from "./dom.js";

let tip: HTMLElement | undefined;

/** Shows details beside an element, which says the same to screen readers. */
export function showTip(at: DOMRect, ...content: Child[]): void {
  hideTip();
  tip = h("div", { class: "tip", "aria-hidden": "true" }, ...content);
  document.body.append(tip);
  const { left, top } = placeTip(at, tip.getBoundingClientRect(), { width: innerWidth, height: innerHeight });
  tip.style.setProperty("left", `${left + scrollX}px`);
  tip.style.setProperty("top", `${top + scrollY}px`); // on the page, not the window: focus may scroll it into view
}

interface Size {
  width: number;
  height: number;
}

/** Places a tip above its element, else below, else beside it: in the window, and not over the element. */
export function placeTip(at: DOMRectReadOnly, tip: Size, screen: Size): { left: number; top: number } {
  const margin = 8;
  const within = (start: number, size: number, end: number): number =>
    Math.max(margin, Math.min(start, end - size - margin));
  const centred = within(at.left + at.width / 2 - tip.width / 2, tip.width, screen.width);
  const above = at.top - tip.height - margin;
  if (above >= margin) return { left: centred, top: above };
  const below = at.bottom + margin;
  if (below + tip.height + margin <= screen.height) return { left: centred, top: below };
  const right = at.right + margin;
  const fits = right + tip.width + margin <= screen.width;
  return {
    left: within(fits ? right : at.left - tip.width - margin, tip.width, screen.width),
    top: within(at.top, tip.height, screen.height),
  };
}

export function hideTip(): void {
  tip?.remove();
  tip = undefined;
}

/** Escape dismisses what hover or focus brought up. */
export function listenForDismissal(): void {
  addEventListener("keydown", ({ key }) => key === "Escape" && hideTip());
}
