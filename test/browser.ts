import { spawnSync } from "node:child_process";
import { type Browser, chromium, type Page } from "playwright-core";

const candidates = [
  process.env.CODYRA_CHROMIUM,
  "chromium",
  "chromium-browser",
  "google-chrome",
  "google-chrome-stable",
];

/** The browser of this machine: `CODYRA_CHROMIUM`, or the first known one on the path. */
export const chromiumPath = candidates.map((name) => name && which(name)).find(Boolean);

export const withoutChromium = "skipped without Chromium: set CODYRA_CHROMIUM";

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"] });
}

/** What the page reports as wrong, from the moment of this call. */
export function problemsOf(page: Page): string[] {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(message.text());
  });
  return problems;
}

function which(name: string): string | undefined {
  const { status, stdout } = spawnSync("sh", ["-c", 'command -v "$1"', "sh", name], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}
