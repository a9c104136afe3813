import { writeFileAtomically } from "../../files/index.js";
import { checkOptions } from "../../options/index.js";
import type { Run } from "../run.js";
import type { PageData } from "./data.js";
import { htmlPage } from "./html-page.js";
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
  return htmlPage({ title: data.title, words: Object.values(data.summary), data, ...options });
}
