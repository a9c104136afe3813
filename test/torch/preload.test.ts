import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { packageRoot } from "../../lib/torch/index.js";

const urlOf = (name: string) => pathToFileURL(join(packageRoot, "dist", "torch", name)).href;

/** Runs a program that loads the addon beforehand: its output, and how it ends. */
function run(program: string, environment: Record<string, string> = {}) {
  const start = `import { preloadAddon } from "${urlOf("preload.js")}"; preloadAddon(); preloadAddon();`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", `${start}\n${program}`],
    { encoding: "utf8", env: { ...process.env, ...environment } },
  );
  return { status, stdout, stderr };
}

it("leaves tensors and the end of the process as they are", () => {
  const program = `const torch = await import("${urlOf("index.js")}"); console.log(torch.ones([2]).sum().item());`;
  expect(run(program)).toEqual({ status: 0, stdout: "2\n", stderr: "" });
});

it("does not keep a process that ends at once", () => {
  expect(run("")).toEqual({ status: 0, stdout: "", stderr: "" });
});

it("leaves it to the main thread to say that the addon is missing", () => {
  const program = `const torch = await import("${urlOf("index.js")}"); torch.ones([2]);`;
  const { status, stderr } = run(program, { CODYRA_ADDON_DIRECTORY: join(packageRoot, "no-such-folder") });
  expect(status).toBe(1);
  expect(stderr).toContain("The native addon is missing");
});
