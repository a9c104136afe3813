import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { runCommand } from "./command.mjs";
import { SetupError } from "./failure.mjs";
import { packageRoot } from "./files.mjs";

/**
 * Configures and builds CMakeLists.txt through cmake-js.
 * @typedef {Awaited<ReturnType<typeof import("./toolchain.mjs").findToolchain>>} Toolchain
 * @param {{ directory: string, definitions: Record<string, string>, onLine?: (line: string) => void,
 *   toolchain: Pick<Toolchain, "compiler" | "generator">, bytesPerJob?: number }} build
 *   - directory: CMake's own
 *   - onLine: gets the compiler's output, line by line
 *   - bytesPerJob: most memory of a compiler; default 2 GB, as for a file that includes libtorch
 * @returns {Promise<{ code: number, output: string }>} the output of both; the first that fails is the last
 */
export async function runCmake({
  directory,
  definitions,
  onLine,
  toolchain: { compiler, generator },
  bytesPerJob = 2 ** 31,
}) {
  mkdirSync(directory, { recursive: true });
  const options = ["-d", packageRoot, "-O", directory, "-G", generator, "--cxx", compiler.path];
  const defined = Object.entries(definitions).map(([name, value]) => `--CD${name}=${value}`);
  const run = (...args) => runCommand(process.execPath, [locateCmakeJs(), ...args], { onLine });
  const configured = await run("configure", ...options, ...defined);
  if (configured.code !== 0) return configured;
  const built = await run("build", ...options, "-p", String(parallelJobs(bytesPerJob)));
  return { code: built.code, output: configured.output + built.output };
}

function locateCmakeJs() {
  try {
    const manifest = createRequire(join(packageRoot, "package.json")).resolve("cmake-js/package.json");
    return join(dirname(manifest), "bin/cmake-js");
  } catch {
    throw new SetupError({
      what: "The packages that the build needs are not installed (cmake-js is missing).",
      expected: "node_modules to hold what package.json asks for",
      fix: "Run `npm install`.",
    });
  }
}

function parallelJobs(bytesPerJob) {
  const chosen = Number(process.env.CMAKE_BUILD_PARALLEL_LEVEL);
  return chosen > 0
    ? chosen
    : Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / bytesPerJob)));
}
