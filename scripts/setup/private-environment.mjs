import { existsSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./command.mjs";
import { fullDisk, SetupError } from "./failure.mjs";
import { readJson, writeJson } from "./files.mjs";
import { withLock } from "./lock.mjs";
import { cacheDirectory, hasNvidiaGpu } from "./machine.mjs";
import { findPython } from "./python.mjs";
import {
  createEnvironment,
  isFullDisk,
  isUnreachable,
  lastLines,
  pipInstall,
} from "./virtual-environment.mjs";

export const torchVersion = "2.13.0";
const cpuWheels = "https://download.pytorch.org/whl/cpu";

/**
 * The libtorch of codyra's own virtual environment, or null when it is not there completely.
 * @returns {import("./libtorch.mjs").Libtorch | null}
 */
export function readPrivateEnvironment() {
  const environment = directory();
  const complete = readJson(marker(environment));
  const python = join(environment, "bin/python");
  if (!complete || !existsSync(complete.path) || !existsSync(python)) return null;
  return { version: complete.version, path: complete.path, source: "private environment", python };
}

/**
 * Installs the pinned torch into a virtual environment in the cache directory, which all clones share.
 * @param {(detail: string) => void} update told what is going on
 */
export function installPrivateEnvironment(update) {
  const environment = directory();
  return withLock(
    `${environment}.lock`,
    async () => {
      const present = readPrivateEnvironment(); // installed by the set-up that this one waited for
      if (present) return present;
      const python = await findPython();
      update(`installing torch ${torchVersion} with Python ${python.version} into ${environment}`);
      await createEnvironment(python.path, environment);
      await installTorch(environment, update);
      writeJson(marker(environment), await describeTorch(environment));
      return readPrivateEnvironment();
    },
    () => update("waiting for another set-up, which is installing libtorch"),
  );
}

function directory() {
  const build = hasNvidiaGpu() ? "cuda" : "cpu";
  return join(cacheDirectory(), `libtorch-${torchVersion}-${build}-${process.platform}-${process.arch}`);
}

/** Written last. A virtual environment cannot be renamed into place, because its scripts hold its path. */
function marker(environment) {
  return join(environment, "codyra-complete.json");
}

async function installTorch(environment, update) {
  const attempts = hasNvidiaGpu() || process.platform === "darwin" ? [] : cpuAttempts();
  attempts.push([`torch==${torchVersion}`]);
  let problem;
  for (const attempt of attempts) {
    const { code, output } = await pipInstall(environment, attempt, update);
    if (code === 0) return;
    problem = diagnose(output, environment);
    // Only "no such wheel" gets better with the next attempt, or an extra index that is out of reach.
    if (!problem.isMissingWheel && !attempt.includes(cpuWheels)) break;
  }
  throw problem;
}

/**
 * The CPU build is a quarter of the size. PyPI does not carry it for Linux; a configured mirror or PyTorch's
 * own index may.
 */
function cpuAttempts() {
  const wheel = `torch==${torchVersion}+cpu`;
  return [[wheel], [wheel, "--extra-index-url", cpuWheels, "--timeout", "10", "--retries", "1"]];
}

function diagnose(output, environment) {
  if (isFullDisk(output)) return fullDisk(environment);
  const details = lastLines(output.replaceAll(/^WARNING.*$/gm, ""), 5);
  if (isUnreachable(output)) {
    return new SetupError({
      what: "pip could not reach a package index to download libtorch.",
      expected: "a connection to pypi.org, or a mirror that pip is configured for (PIP_INDEX_URL)",
      fix: "Connect and run `npm run setup` again; or set LIBTORCH to a directory that holds libtorch.",
      details,
    });
  }
  const isMissingWheel = /No matching distribution found/.test(output);
  const problem = new SetupError({
    what: isMissingWheel
      ? `pip found no torch ${torchVersion} for this Python and machine (${process.platform} ${process.arch}).`
      : `pip could not install torch ${torchVersion}.`,
    expected:
      "a wheel for Python 3.10 to 3.14 on Linux with glibc 2.28 or newer, or on macOS with Apple silicon",
    fix: "Set PYTHON to a Python that fits, or set LIBTORCH to a directory that holds libtorch.",
    details,
  });
  return Object.assign(problem, { isMissingWheel });
}

async function describeTorch(environment) {
  const script =
    "import importlib.metadata, importlib.util, os; print(importlib.metadata.version('torch')); print(os.path.dirname(importlib.util.find_spec('torch').origin))";
  const { output } = await runCommand(join(environment, "bin/python"), ["-c", script]);
  const [version, path] = output.trim().split("\n").slice(-2);
  return { version, path };
}
