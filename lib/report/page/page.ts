import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot, writeFileAtomically } from "../../files/index.js";
import { checkOptions } from "../../options/index.js";
import { html, raw } from "../html.js";
import { pagePalette } from "../palette.js";
import type { Run } from "../run.js";
import type { PageData } from "./data.js";
import { pageData } from "./page-data.js";

export interface PageOptions {
  /** Path at which a server sends new data while the run goes on. Default: none. */
  eventsPath?: string;
}

/**
 * Writes one self-contained page about runs over the same stream: no server, no network, no other files.
 * An existing page stays whole until the new one is complete.
 * @throws if the runs are not over the same protocol and datasets, or the file cannot be written
 */
export function writeReport(runs: Run[], path: string): void {
  writeFileAtomically(path, reportHtml(runs));
}

/** The page that `writeReport` writes. */
export function reportHtml(runs: Run[]): string {
  return renderPage(pageData(runs));
}

/** The page around its data. What is drawn, is drawn in the reader's browser. */
export function renderPage(data: PageData, options: PageOptions = {}): string {
  checkOptions(options, { eventsPath: true }, "renderPage");
  const { eventsPath } = options;
  const script = compiled("client.js");
  const style = `${pagePalette}\n${compiled("client.css")}`;
  const policy = [
    "default-src 'none'",
    `script-src '${sha256(script)}'`,
    `style-src '${sha256(style)}'`,
    eventsPath && "connect-src 'self'",
  ].filter(Boolean);
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="${raw(policy.join("; "))}">
    <title>${data.title}</title>
    <style>${raw(style)}</style>
  </head>
  <body>
    <noscript><h1>${data.title}</h1>${Object.values(data.summary).map((text) => html`<p>${text}</p>`)}<p>The tables and figures need JavaScript.</p></noscript>
    <script type="application/json" id="data" ${raw(eventsPath ? `data-events="${eventsPath}"` : "")}>${raw(inScript(data))}</script>
    <script>${raw(script)}</script>
  </body>
</html>
`.text;
}

/** JSON that cannot end its script element. */
function inScript(data: PageData): string {
  return JSON.stringify(data).replaceAll("<", "\\u003c");
}

function sha256(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

/**
 * A file that `npm run build` made from `client/`, for this module in `lib/` as for the compiled one in
 * `dist/`.
 */
function compiled(name: string): string {
  const path = join(packageRoot, "dist", "report", "page", name);
  if (!existsSync(path)) {
    throw new Error(
      `${path}: expected the browser's part of the report, but there is no such file. Run npm run build.`,
    );
  }
  return readFileSync(path, "utf8");
}
