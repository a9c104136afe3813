import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../files/index.js";
import { html, raw } from "../html.js";
import { pagePalette } from "../palette.js";
import type { CheckData, PageData } from "./data.js";

interface HtmlPage {
  readonly title: string;
  /** Text for readers without JavaScript. */
  readonly words: readonly (string | undefined)[];
  readonly data: PageData | CheckData;
  /** Path at which a server sends new data. */
  readonly eventsPath?: string;
}

/** A page in one file, around data that the browser's part draws. Nothing is fetched from elsewhere. */
export function htmlPage({ title, words, data, eventsPath }: HtmlPage): string {
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
    <title>${title}</title>
    <style>${raw(style)}</style>
  </head>
  <body>
    <noscript><h1>${title}</h1>${words.map((text) => text !== undefined && html`<p>${text}</p>`)}<p>The tables and figures need JavaScript.</p></noscript>
    <script type="application/json" id="data" ${raw(eventsPath ? `data-events="${eventsPath}"` : "")}>${raw(inScript(data))}</script>
    <script>${raw(script)}</script>
  </body>
</html>
`.text;
}

/** JSON that cannot end its script element. */
function inScript(data: unknown): string {
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
