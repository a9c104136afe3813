import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { needs } from "../needs.js";
import { Sandbox } from "./sandbox.js";

/** Elsewhere the default build is the only one that is tried. */
const needsLinux = needs(
  process.platform === "linux" && !existsSync("/proc/driver/nvidia/version"),
  "not Linux, or an NVIDIA GPU",
  "run on Linux without one",
);

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
  sandbox.toolchain();
});
afterEach(() => sandbox[Symbol.dispose]());

/** A Python whose `venv` copies itself and whose `pip` runs `pip`, given `requirement` and `install()`. */
function fakePython({ version = "3.12.1", venv = "", pip = "install();" } = {}): void {
  const library = sandbox.libtorch("2.13.0+cpu", "wheel");
  sandbox.program(
    "python3",
    `const fs = require("fs"), path = require("path");
    const environment = path.dirname(path.dirname(process.argv[1]));
    const torch = path.join(environment, "lib/torch");
    const requirement = args.slice(args.indexOf("off") + 1).join(" ");
    const install = () => fs.cpSync("${library}", torch, { recursive: true });
    const fail = (text) => { console.error(text); process.exit(1); };
    if (args[0] === "-c") console.log(args[1].includes("platform") ? "${version}" : "2.13.0+cpu\\n" + torch);
    else if (args[1] === "venv") {
      ${venv}
      fs.mkdirSync(path.join(args[2], "bin"), { recursive: true });
      fs.copyFileSync(process.argv[1], path.join(args[2], "bin/python"));
    } else {
      fs.appendFileSync("${join(sandbox.folder, "pip.log")}", requirement + "\\n");
      ${pip}
    }`,
  );
}

const pipRuns = () => readFileSync(join(sandbox.folder, "pip.log"), "utf8").trimEnd().split("\n");

async function expectProblem(what: string, fix: string): Promise<void> {
  const { code, output } = await sandbox.run();
  expect(code).toBe(1);
  expect(output).toContain(`codyra set-up stopped. ${what}`);
  expect(output.slice(output.indexOf("To fix"))).toContain(fix);
  expect(output).not.toMatch(/^ +at /m); // a stack trace
}

test("no Python", () => expectProblem("Python was not found (tried python3).", "python3"));

test("a Python that torch has no wheel for", () => {
  fakePython({ version: "3.8.10" });
  return expectProblem("No torch exists for Python 3.8.10", "LIBTORCH");
});

test("a Python without venv", () => {
  fakePython({
    venv: "fail('The virtual environment was not created because ensurepip is not available.');",
  });
  return expectProblem(`${join(sandbox.bin, "python3")} cannot create`, "apt install python3-venv");
});

test("no network", async () => {
  fakePython({
    pip: "fail('NewConnectionError: Failed to establish a new connection\\nERROR: No matching distribution found');",
  });
  await expectProblem("pip could not reach a package index", "LIBTORCH");
  expect(pipRuns()).toHaveLength(1); // there is no point in trying on
});

test("a full disk", () => {
  fakePython({ pip: "fail('ERROR: Could not install packages: [Errno 28] No space left on device');" });
  return expectProblem("The disk that holds", "XDG_CACHE_HOME");
});

test("the CPU build is looked for first, then any build", needsLinux, async () => {
  fakePython({
    pip: "requirement === 'torch==2.13.0' ? install() : fail('ERROR: No matching distribution found');",
  });
  const { output } = await sandbox.run();
  expect(output).toContain("libtorch 2.13.0+cpu (private environment)");
  expect(pipRuns()).toEqual([
    "torch==2.13.0+cpu",
    "torch==2.13.0+cpu --extra-index-url https://download.pytorch.org/whl/cpu --timeout 10 --retries 1",
    "torch==2.13.0",
  ]);
});

test("PyTorch's index out of reach does not matter where PyPI answers", needsLinux, async () => {
  fakePython({
    pip: "if (requirement === 'torch==2.13.0') install(); else fail((requirement.includes('index') ? 'ConnectTimeoutError timed out ' : '') + 'No matching distribution found');",
  });
  expect((await sandbox.run()).output).toContain("libtorch 2.13.0+cpu (private environment)");
  expect(pipRuns()).toHaveLength(3);
});

test("a machine with an NVIDIA GPU gets the default build", async () => {
  sandbox.program("nvidia-smi", "");
  fakePython();
  await sandbox.run();
  expect(pipRuns()).toEqual(["torch==2.13.0"]);
});

test("an installed environment is used again, an interrupted one is built anew", async () => {
  fakePython({ pip: "install(); if (!fs.existsSync(environment + '/../second')) fail('interrupted');" });
  await sandbox.run();
  const [environment] = readdirSync(join(sandbox.cache, "codyra"));
  expect(environment).toMatch(/^libtorch-2\.13\.0-/);
  expect(existsSync(join(sandbox.cache, "codyra", environment!, "codyra-complete.json"))).toBe(false);

  sandbox.write("cache/codyra/second", "");
  expect((await sandbox.run()).output).toMatch(
    /libtorch 2\.13\.0\+cpu \(private environment\) +installed in/,
  );
  expect((await sandbox.run()).output).toMatch(/libtorch 2\.13\.0\+cpu \(private environment\) +ok/);
  expect(pipRuns()).toHaveLength(2);
});

test("of two set-ups at once, one installs and the other waits and says so", async () => {
  const isWaiting = join(sandbox.folder, "is-waiting");
  fakePython({
    pip: `install(); const timer = setInterval(() => fs.existsSync("${isWaiting}") && clearInterval(timer), 20);`,
  });
  const other = new Sandbox(); // another clone with the same cache
  try {
    const shared = { PATH: sandbox.bin, XDG_CACHE_HOME: sandbox.cache };
    const goOn = (output: string) => {
      if (output.includes("waiting for another set-up")) writeFileSync(isWaiting, "");
    };
    const runs = await Promise.all([sandbox.run({}, undefined, goOn), other.run(shared, undefined, goOn)]);
    for (const { output } of runs) expect(output).toContain("libtorch 2.13.0+cpu (private environment)");
    expect(runs.filter(({ output }) => output.includes("waiting for another set-up"))).toHaveLength(1);
    expect(pipRuns()).toHaveLength(1);
  } finally {
    other[Symbol.dispose]();
  }
});
