import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../lib/torch/index.js";

it("comments cite sections of the specification that exist", () => {
  const page = readFileSync(join(packageRoot, "docs/specification.md"), "utf8");
  const sections = Array.from(page.matchAll(/^##+ ([\d.]*\d)/gm), ([, number]) => number as string);
  const options = { cwd: packageRoot, encoding: "utf8" } as const;
  const files = execFileSync("git", ["ls-files", "lib", "native", "test"], options).split("\n");
  const cited = files
    .filter((path) => /\.(ts|cc|h|py)$/.test(path))
    .flatMap((path) => {
      // A comment may break the line between the page and the section.
      const text = readFileSync(join(packageRoot, path), "utf8").replaceAll(/\n\s*(\*|\/\/)\s/g, " ");
      const found = text.matchAll(/docs\/specification\.md, sections? ([\d. ,andto]*\d)/g);
      return Array.from(found).flatMap(([, list]) => (list as string).match(/[\d.]*\d/g) ?? []);
    });
  expect(cited.length).toBeGreaterThan(25);
  expect(cited.filter((section) => !sections.includes(section))).toEqual([]);
});
