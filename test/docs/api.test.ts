import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../lib/torch/index.js";
import { temporaryFolder } from "../protocol/tiny-run.js";

const typedoc = join(dirname(createRequire(import.meta.url).resolve("typedoc/package.json")), "bin/typedoc");

it("the API reference is built without a warning: no broken link, no type that is missing", () => {
  const folder = temporaryFolder();
  const options = { cwd: packageRoot, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [typedoc, "--out", folder], options);
  expect(status, stdout + stderr).toBe(0); // typedoc.json makes warnings errors
  expect(stderr).not.toMatch(/warning/i);
  const layers = readdirSync(join(folder, "modules"));
  expect(layers).toEqual(
    expect.arrayContaining(
      ["clip", "data", "lora", "methods", "protocol", "report", "torch"].map((n) => `${n}.html`),
    ),
  );
});
