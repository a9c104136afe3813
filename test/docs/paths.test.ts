import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../lib/torch/index.js";
import { readPages } from "./pages.js";

/** Folders of the repository, whose files pages name in backticks. */
const named = /`((?:\.ci|\.github|assets|bench|configs|docs|examples|lib|native|scripts|test)\/[^`*\s<{]*)`/g;

/** Paths that a command or a reader of the page makes. */
const made = ["docs/api", "docs/api/index.html", "lib/methods/bitfit.ts"];

// The changelog also names what earlier versions had.
const pages = readPages().filter(({ path }) => path !== "CHANGELOG.md");

it("there are pages that name files", () => {
  const names = pages.flatMap(({ text }) => Array.from(text.matchAll(named)));
  expect(names.length).toBeGreaterThan(80);
});

it.each(pages.map(({ path, text }) => [path, text]))("files that %s names exist", (path, text) => {
  const names = Array.from(text.matchAll(named), ([, name]) => name as string);
  const exists = (name: string) =>
    [".", dirname(path)].some((folder) => existsSync(join(packageRoot, folder, name)));
  const missing = names.filter((name) => !made.includes(name) && !exists(name));
  expect(missing).toEqual([]);
});
