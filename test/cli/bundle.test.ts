import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../lib/torch/index.js";

const { bin, version } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
const bundle = join(packageRoot, bin.codyra);

/** The bundle, or the files that it was made of. */
function run(main: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const options = { cwd: packageRoot, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], options);
  return { status, stdout, stderr };
}

it("says the version of the package, which it finds from its own place", () => {
  expect(run(bundle, "--version")).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: "" });
});

it("has every command", () => {
  const help = run(bundle, "--help");
  expect(help).toEqual(run(join(packageRoot, "dist/cli/main.js"), "--help"));
  expect(help.stdout).toContain("classify");
});

it("answers as the compiled files do", () => {
  const limit = ["--limit-input-pixels", "1e8"]; // read as YAML
  const args = ["classify", "--labels", "circle,square", ...limit, "--json", "docs/images/report.png"];
  const answer = run(bundle, ...args);
  expect(answer).toEqual(run(join(packageRoot, "dist/cli/main.js"), ...args));
  expect(JSON.parse(answer.stdout)[0].predictions).toHaveLength(2);
});

it("finds what lies in the package: assets, configurations and set-up scripts", () => {
  const costs = run(bundle, "analyze", "cost", "--json");
  expect(costs).toMatchObject({ status: 0, stderr: "" });
  expect(run(bundle, "doctor").stdout).toContain("libtorch");
});

it("tells a wrong flag with exit code 2", () => {
  const { status, stderr } = run(bundle, "classify", "--labels", "a,b", "--template", "none", "x.png");
  expect(stderr).toContain("expected {} where the label goes");
  expect(status).toBe(2);
});

it("carries the license of the code in it", () => {
  const files = readdirSync(join(bundle, "..")).filter((name) => name.endsWith(".js"));
  const withZod = files.filter((name) =>
    readFileSync(join(bundle, "..", name), "utf8").includes("Colin McDonnell"),
  );
  expect(withZod.length).toBeGreaterThan(0);
});
