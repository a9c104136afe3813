import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../lib/torch/index.js";
import { readPages } from "./pages.js";

const pages = new Map(readPages().map(({ path, text }) => [path, text]));

/** The anchors of a page's headings, as GitHub makes them. */
function anchors(text: string): string[] {
  return Array.from(text.matchAll(/^#+ (.+)$/gm), ([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

it.each(Array.from(pages))("links in %s lead somewhere", (path, text) => {
  const targets = Array.from(text.matchAll(/\]\(([^()\s]+)\)/g), ([, target]) => target as string);
  const broken = targets.filter((target) => {
    if (/^https?:/.test(target)) return false;
    const [file = "", anchor] = target.split("#");
    const linked = file === "" ? path : join(dirname(path), file);
    if (!existsSync(join(packageRoot, linked))) return true;
    return anchor !== undefined && !anchors(pages.get(linked) ?? "").includes(anchor);
  });
  expect(broken).toEqual([]);
});
