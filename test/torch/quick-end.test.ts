import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { packageRoot } from "../../lib/torch/index.js";

const urlOf = (name: string) => pathToFileURL(join(packageRoot, "dist", "torch", name)).href;

/** How a program ends that has used libtorch and asked to end quickly. */
function run(program: string) {
  const start = `import { endQuickly } from "${urlOf("quick-end.js")}"; endQuickly();
    const torch = await import("${urlOf("index.js")}"); torch.ones([2]);`;
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", `${start}\n${program}`],
    { encoding: "utf8", maxBuffer: 2 ** 26 },
  );
  return { status, signal, stdout, stderr };
}

it("keeps the exit code, also that of an error", () => {
  expect(run("process.exitCode = 3;")).toMatchObject({ status: 3, signal: null, stderr: "" });
  expect(run("process.exit(5);")).toMatchObject({ status: 5, signal: null });
  expect(run('throw new Error("told");')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("told"),
  });
});

it("writes what is still on its way into a pipe", () => {
  const { status, stdout } = run('for (let i = 0; i < 64; i++) process.stdout.write("x".repeat(2 ** 16));');
  expect(status).toBe(0);
  expect(stdout).toBe("x".repeat(2 ** 22));
});

it("runs other listeners for the end, and works where libtorch was not loaded", () => {
  expect(run('process.on("exit", () => console.log("ended"));').stdout).toBe("ended\n");
  const program = `import { endQuickly } from "${urlOf("quick-end.js")}"; endQuickly(); process.exitCode = 4;`;
  const { status } = spawnSync(process.execPath, ["--input-type=module", "--eval", program]);
  expect(status).toBe(4);
});
