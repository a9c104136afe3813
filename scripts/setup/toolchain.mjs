import { runCommand, which } from "./command.mjs";
import { SetupError } from "./failure.mjs";

const oldestCompiler = { "g++": 11, "clang++": 14 };
const oldestCmake = [3, 18];

const install =
  process.platform === "darwin"
    ? "Run `xcode-select --install` and `brew install cmake ninja`."
    : "Install it: `apt install g++ cmake ninja-build` (Debian, Ubuntu) or `dnf install gcc-c++ cmake ninja-build` (Fedora).";

/**
 * Finds the programs that compile the addon.
 * @returns {Promise<{ compiler: { name: string, version: string, path: string }, cmake: string, generator:
 * string }>}
 * @throws when the compiler, CMake, or both ninja and make are missing or too old
 */
export async function findToolchain() {
  const compiler = await findCompiler();
  const cmake = await findCmake();
  return { compiler, cmake, generator: findGenerator() };
}

async function findCompiler() {
  const found = [];
  for (const program of process.env.CXX ? [process.env.CXX] : ["g++", "clang++"]) {
    const path = which(program);
    if (!path) continue;
    const { output } = await runCommand(path, ["--version"]);
    const name = output.includes("clang") ? "clang++" : "g++";
    const version = output.match(/\d+\.\d+(\.\d+)?/)?.[0] ?? "of an unknown version";
    if (Number.parseInt(version, 10) >= oldestCompiler[name]) return { name, version, path };
    found.push(`${name} ${version} (${path})`);
  }
  const wanted = process.env.CXX ? `CXX=${process.env.CXX}` : "g++ and clang++";
  throw new SetupError({
    what: found.length
      ? `The C++ compiler is too old: ${found.join(", ")}.`
      : `No C++ compiler was found (tried ${wanted}).`,
    expected: `g++ ${oldestCompiler["g++"]} or clang++ ${oldestCompiler["clang++"]} or newer, for C++20, on PATH or named by CXX`,
    fix: install,
  });
}

async function findCmake() {
  const { code, output } = await runCommand("cmake", ["--version"]);
  const version = code === 0 ? output.match(/\d+\.\d+(\.\d+)?/)?.[0] : undefined;
  const [major, minor] = (version ?? "0.0").split(".").map(Number);
  if (major > oldestCmake[0] || (major === oldestCmake[0] && minor >= oldestCmake[1])) return version;
  throw new SetupError({
    what: version ? `CMake ${version} is too old.` : "CMake was not found.",
    expected: `cmake ${oldestCmake.join(".")} or newer on PATH`,
    fix: install,
  });
}

function findGenerator() {
  if (which("ninja")) return "Ninja";
  if (which("make")) return "Unix Makefiles";
  throw new SetupError({
    what: "Neither ninja nor make was found.",
    expected: "one of them on PATH, for CMake to build with",
    fix: install,
  });
}
