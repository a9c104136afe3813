import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";
import { packageRoot } from "../lib/torch/index.js";
import { temporaryFolder } from "./protocol/tiny-run.js";

const folder = join(packageRoot, "examples");
const files = readdirSync(folder).filter((name) => name.endsWith(".mjs"));

/** Runs an example with the compiled package. @returns its output */
function run(name: string, ...args: string[]): string {
  // A cache of its own, so that nothing but the clone is needed.
  const env = { ...process.env, XDG_CACHE_HOME: temporaryFolder() };
  const options = { cwd: packageRoot, encoding: "utf8", env } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, name), ...args], options);
  expect(status, stderr).toBe(0);
  return stdout;
}

it("examples/README.md lists them all", () => {
  const page = readFileSync(join(folder, "README.md"), "utf8");
  expect(files.filter((name) => !page.includes(name))).toEqual([]);
});

it("their types agree with the package's", () => {
  const options: ts.CompilerOptions = {
    ...{ allowJs: true, checkJs: true, noEmit: true, skipLibCheck: true, strict: true, noImplicitAny: false },
    ...{ module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ESNext, types: ["node"] },
  };
  const program = ts.createProgram(
    files.map((name) => join(folder, name)),
    options,
  );
  const problems = ts
    .getPreEmitDiagnostics(program)
    .map(
      ({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`,
    );
  expect(problems).toEqual([]);
});

it("tensors.mjs finds the line", () => {
  expect(run("tensors.mjs")).toMatch(/y = (1\.9|2\.0)\d x \+ -(0\.9|1\.0)\d\nmedian/);
});

it("classify.mjs knows most of the flowers that it draws", () => {
  const lines = run("classify.mjs").trim().split("\n");
  expect(lines).toHaveLength(12);
  const known = lines.filter((line) => line.split("/")[0] === line.split(/\s+/)[1]);
  expect(known.length).toBeGreaterThanOrEqual(9);
});

it("classify.mjs takes a picture, labels and a model", () => {
  const picture = join(packageRoot, "docs/images/report.png");
  const line = run("classify.mjs", picture, "cat,dog", join(packageRoot, "assets/miniature-clip-v2"));
  expect(line).toMatch(/^images\/report\.png +(cat|dog) \d+ %, (cat|dog) \d+ %\n$/);
});

it("learn-and-merge.mjs learns, drops ranks and writes a model", () => {
  const output = join(temporaryFolder(), "model");
  const printed = run("learn-and-merge.mjs", output);
  const [, before, after] = /accuracy on signs: ([\d.]+) % before, ([\d.]+) % after/.exec(printed) ?? [];
  expect(Number(after)).toBeGreaterThan(Number(before) + 10);
  const [, merged, matrices] = /merged (\d+) ranks into (\d+) matrices/.exec(printed) ?? [];
  expect(Number(merged)).toBeGreaterThan(0);
  expect(Number(merged)).toBeLessThan(8 * Number(matrices));
  expect(readdirSync(output)).toEqual(expect.arrayContaining(["config.json", "model.safetensors"]));
});

it("month-by-month.mjs grows a run", () => {
  const printed = run("month-by-month.mjs");
  expect(printed).toContain("after learning  flowers  signs  digits");
  expect(printed).toMatch(/Last \d+\.\d, Forgetting -?\d+\.\d, in percent/);
});

it("own-method.mjs ends above zero-shot", () => {
  const printed = run("own-method.mjs");
  const accuracies = Array.from(printed.matchAll(/mean accuracy ([\d.]+) %/g), ([, value]) => Number(value));
  expect(accuracies).toHaveLength(4);
  expect(accuracies.at(-1)).toBeGreaterThan((accuracies[0] as number) + 3);
});
