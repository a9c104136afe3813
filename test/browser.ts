import { type Browser, chromium, type Page } from "playwright-core";
import { findChromium } from "../scripts/setup/programs.mjs";
import { needs } from "./needs.js";

const chromiumPath = findChromium();

/** For tests of the page. */
export const needsChromium = needs(
  chromiumPath !== undefined,
  "no Chromium",
  "`apt install chromium`, or set CODYRA_CHROMIUM",
);

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"] });
}

/** Collects the errors that the page reports from the moment of this call. */
export function problemsOf(page: Page): string[] {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(message.text());
  });
  return problems;
}
