import { writeFileAtomically } from "../../files/index.js";
import type { GuardRecord } from "../../records/index.js";
import { describeGuard } from "./guard-data.js";
import { htmlPage } from "./html-page.js";

/** The result of `codyra check`, and the models that it compared. */
export interface CheckedModels extends Pick<GuardRecord, "measures" | "drift" | "advice" | "isBroken"> {
  readonly new: string;
  readonly old: string;
  /** The file with the limits. */
  readonly config: string;
}

/**
 * Writes what a new model does to the one in use as a page of its own: limits, retrieval, and the index.
 * @throws if the file cannot be written; a page that is there stays whole until the new one is complete
 */
export function writeCheckReport(checked: CheckedModels, path: string): void {
  writeFileAtomically(path, checkReportHtml(checked));
}

/** The page that `writeCheckReport` writes. */
export function checkReportHtml({ new: updated, old, config, ...found }: CheckedModels): string {
  const title = `${updated} against ${old}`;
  const verdict = found.isBroken ? "Limits are broken." : "No limit is broken.";
  return htmlPage({
    title,
    words: [verdict, found.advice],
    data: {
      title,
      facts: [
        ["New", updated],
        ["Old", old],
        ["Limits", config],
      ],
      check: describeGuard({ dataset: updated, against: old, ...found }, 0),
    },
  });
}
