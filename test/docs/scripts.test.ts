import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../lib/torch/index.js";
import { readPages } from "./pages.js";

const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
// The changelog also names what earlier versions had.
const named = readPages()
  .filter(({ path }) => path !== "CHANGELOG.md")
  .flatMap(({ path, text }) =>
    Array.from(text.matchAll(/npm run ([\w:-]+)/g), ([, script]) => [path, script as string] as const),
  );

it("pages name scripts", () => {
  expect(named.length).toBeGreaterThan(20);
});

it("npm scripts that pages name are in package.json", () => {
  expect(named.filter(([, script]) => !Object.hasOwn(manifest.scripts, script))).toEqual([]);
});

it("CONTRIBUTING.md says what every script is for", () => {
  // npm runs these by itself, or README.md tells of them.
  const others = ["start", "install", "prepack", "test", "check:cuda", "paper"];
  const told = named.filter(([path]) => path === "CONTRIBUTING.md").map(([, script]) => script);
  const known = [...told, ...others];
  expect(Object.keys(manifest.scripts).filter((script) => !known.includes(script))).toEqual([]);
});
