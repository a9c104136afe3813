import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { methods, optionRows } from "../../lib/methods/index.js";
import { settingRows } from "../../lib/options/index.js";
import { packageRoot } from "../../lib/torch/index.js";
// @ts-expect-error a script
import { optionsPage } from "../../scripts/generate/options-page.mjs";

const described = methods.map((method) => ({ ...method, options: optionRows(method) }));

it("docs/options.md is what the schemas say; npm run generate:options writes it anew", () => {
  const page = readFileSync(join(packageRoot, "docs", "options.md"), "utf8");
  expect(page).toBe(optionsPage(settingRows(), described));
});

describe.each(methods)("the options of $name", (method) => {
  it("are all in force by their name, and have a meaning and a source", () => {
    const rows = optionRows(method);
    const top = rows.filter(({ name }) => !name.includes(".")).map(({ name }) => name);
    const inForce = Object.keys(method.create({}, "x-tail").options);
    const given = new Set([...inForce, ...(top.includes("replay") ? ["replay"] : [])]);
    expect(top.toSorted()).toEqual([...given].toSorted());
    for (const { type, meaning, source } of rows) {
      expect(type).not.toBe("");
      expect(meaning.length).toBeGreaterThan(3);
      expect(["paper", "released code", "paper or released code, by preset", "codyra"]).toContain(source);
    }
  });
});
