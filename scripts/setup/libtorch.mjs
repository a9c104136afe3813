import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { runCommand } from "./command.mjs";
import { SetupError } from "./failure.mjs";
import { readPrivateEnvironment } from "./private-environment.mjs";
import { chosenPython } from "./python.mjs";

/**
 * @typedef {object} Libtorch
 * @property {string} version such as `2.13.0+cpu`
 * @property {string} path the directory that holds include/ and lib/
 * @property {"LIBTORCH" | "python" | "private environment"} source
 * @property {string | null} python an interpreter in which `import torch` gives this very libtorch
 */

const oldestVersion = [2, 11];

const waysToProvide =
  "Set LIBTORCH to a directory that holds include/ and lib/, or set LIBTORCH_USE_PYTORCH=1 (and PYTHON) to use the torch " +
  "of a Python, or unset both to have libtorch installed into a private environment.";

/**
 * The libtorch to build against: `LIBTORCH`, else Python's with `LIBTORCH_USE_PYTORCH=1`, else the private
 * environment's.
 * @returns {Promise<Libtorch | null>} null when the private environment has not been installed yet
 * @throws when the variables name something that is no supported libtorch
 */
export async function locateLibtorch() {
  if (process.env.LIBTORCH) return fromDirectory(resolve(process.env.LIBTORCH));
  if (process.env.LIBTORCH_USE_PYTORCH === "1") return fromPython(chosenPython());
  return readPrivateEnvironment();
}

function fromDirectory(path) {
  return { ...inspect(path, `LIBTORCH=${path}`), source: "LIBTORCH", python: pythonOf(path) };
}

async function fromPython(python) {
  // Finding the package instead of importing it: an import of torch takes seconds.
  const script =
    "import importlib.util, sys; print(importlib.util.find_spec('torch').origin); print(sys.executable)";
  const { code, output } = await runCommand(python, ["-c", script]);
  if (code !== 0) {
    throw new SetupError({
      what: `LIBTORCH_USE_PYTORCH=1, but ${python} has no torch.`,
      expected: `a Python whose torch is ${oldestVersion.join(".")} or newer`,
      fix: `Set PYTHON to another one, or run \`${python} -m pip install torch\`. ${waysToProvide}`,
    });
  }
  const [origin, executable] = output.trim().split("\n").slice(-2);
  return { ...inspect(dirname(origin), `The torch of ${executable}`), source: "python", python: executable };
}

function inspect(path, origin) {
  const extension = process.platform === "darwin" ? "dylib" : "so";
  const needed = ["include/ATen/ATen.h", `lib/libtorch_cpu.${extension}`, `lib/libc10.${extension}`];
  const missing = needed.filter((file) => !existsSync(join(path, file)));
  if (missing.length) {
    throw new SetupError({
      what: `${origin} is no libtorch: ${existsSync(path) ? `${missing.join(", ")} is missing` : "there is no such directory"}.`,
      expected: `a directory that holds ${needed.join(", ")}`,
      fix: waysToProvide,
    });
  }
  const version = versionOf(path);
  const [major, minor] = version.split(".").map(Number);
  if (major < oldestVersion[0] || (major === oldestVersion[0] && minor < oldestVersion[1])) {
    throw new SetupError({
      what: `${origin} is libtorch ${version}, which is too old.`,
      expected: `libtorch ${oldestVersion.join(".")} or newer`,
      fix: waysToProvide,
    });
  }
  return { version, path };
}

/**
 * Python packages carry version.py, downloaded libtorch build-version; the headers know the number without
 * `+cpu`.
 */
function versionOf(path) {
  const read = (file) => (existsSync(join(path, file)) ? readFileSync(join(path, file), "utf8") : "");
  const fromPackage =
    read("version.py").match(/__version__ = '([^']+)'/)?.[1] ?? read("build-version").trim();
  if (fromPackage) return fromPackage;
  const header =
    read("include/torch/headeronly/version.h") + read("include/torch/csrc/api/include/torch/version.h");
  const number = (part) => header.match(new RegExp(`#define TORCH_VERSION_${part} (\\d+)`))?.[1] ?? "0";
  return ["MAJOR", "MINOR", "PATCH"].map(number).join(".");
}

/**
 * The interpreter of the environment that `path` lies in: `<environment>/lib/python3.x/site-packages/torch`.
 */
function pythonOf(path) {
  const python = resolve(path, "../../../../bin/python");
  return path.endsWith("site-packages/torch") && existsSync(python) ? python : null;
}
