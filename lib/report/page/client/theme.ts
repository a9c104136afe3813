import { h } from "./dom.js";

const storageKey = "codyra-theme";

/** Switches between light and dark; without a choice, the page follows the system. */
export function themeButton(): HTMLElement {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = (): boolean => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const button = h("button", { type: "button", click: toggle });
  root.dataset.theme = remembered() ?? "";
  system.addEventListener("change", label);
  label();
  return button;

  function toggle(): void {
    root.dataset.theme = isDark() ? "light" : "dark";
    remember(root.dataset.theme);
    label();
  }

  function label(): void {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `switch to ${isDark() ? "light" : "dark"} colours`);
  }
}

/**
 * Storage is refused in some browsers for pages opened from a file; the choice then lasts as long as the
 * page.
 */
function remembered(): string | null {
  try {
    return localStorage.getItem(storageKey);
  } catch {
    return null;
  }
}

function remember(theme: string): void {
  try {
    localStorage.setItem(storageKey, theme);
  } catch {}
}
