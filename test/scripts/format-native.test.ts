import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../lib/torch/index.js";
import { temporaryFolder } from "../protocol/tiny-run.js";

const script = join(packageRoot, "scripts/format-native.mjs");
const run = (...options: string[]) =>
  spawnSync(process.execPath, [script, ...options], { cwd: packageRoot, encoding: "utf8" });

it("native/ is formatted", () => {
  const { status, stderr } = run("--check");
  expect(stderr).toBe("");
  expect(status).toBe(0);
});

it("--check names a file that is not, and leaves it; without it, the file is formatted", () => {
  const path = join(temporaryFolder(), "crooked.cc");
  writeFileSync(path, "int  main( ) {return 0;}\n");
  const checked = run("--check", path);
  expect(checked.status).toBe(1);
  expect(checked.stderr).toMatch(
    /1 of 1 C\+\+ files are not formatted:\n.*crooked\.cc\n +Expected .+\n +To fix +Run/,
  );
  expect(readFileSync(path, "utf8")).toBe("int  main( ) {return 0;}\n");
  expect(run(path).status).toBe(0);
  expect(readFileSync(path, "utf8")).toBe("int main() { return 0; }\n");
  expect(run("--check", path).status).toBe(0);
});
