import { afterEach, beforeEach, expect, test } from "vitest";
import { Sandbox } from "./sandbox.js";

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
  sandbox.toolchain();
});
afterEach(() => sandbox[Symbol.dispose]());

test("LIBTORCH points to nothing", async () => {
  const { code, output } = await sandbox.run({ LIBTORCH: "/no/such/folder" });
  expect(code).toBe(1);
  expect(output).toContain("LIBTORCH=/no/such/folder is no libtorch: there is no such directory.");
  expect(output).toContain("LIBTORCH_USE_PYTORCH=1"); // every way to provide it is named
});

test("LIBTORCH points to a folder that is no libtorch", async () => {
  const { code, output } = await sandbox.run({ LIBTORCH: sandbox.checkout });
  expect(code).toBe(1);
  expect(output).toContain("include/ATen/ATen.h");
});

test("LIBTORCH is too old", async () => {
  const { code, output } = await sandbox.run({ LIBTORCH: sandbox.libtorch("2.10.1+cpu") });
  expect(code).toBe(1);
  expect(output).toMatch(
    /is libtorch 2\.10\.1\+cpu, which is too old\.\n {2}Expected +libtorch 2\.11 or newer/,
  );
});

test("the version is read from the headers where nothing else tells it", async () => {
  const libtorch = sandbox.libtorch("");
  const numbers =
    "#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 12\n#define TORCH_VERSION_PATCH 3\n";
  sandbox.write("libtorch-/include/torch/headeronly/version.h", numbers);
  expect((await sandbox.run({ LIBTORCH: libtorch })).output).toContain("libtorch 2.12.3 (LIBTORCH)");
});

test("the torch of a Python is used when asked for", async () => {
  const libtorch = sandbox.libtorch("2.12.0");
  const python = sandbox.program(
    "python3",
    `console.log("${libtorch}/__init__.py"); console.log("/usr/bin/python3")`,
  );
  const { output } = await sandbox.run({ LIBTORCH_USE_PYTORCH: "1", PYTHON: python });
  expect(output).toContain("libtorch 2.12.0 (python)");
});

test("a Python without torch", async () => {
  sandbox.program("python3", "console.error(\"AttributeError: 'NoneType' object\"); process.exit(1)");
  const { code, output } = await sandbox.run({ LIBTORCH_USE_PYTORCH: "1" });
  expect(code).toBe(1);
  expect(output).toContain("LIBTORCH_USE_PYTORCH=1, but python3 has no torch.");
});
