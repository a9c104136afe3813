import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { runCommand } from "./command.mjs";
import { fullDisk, SetupError } from "./failure.mjs";
import { hashFiles, packageRoot, readJson, writeJson } from "./files.mjs";

const buildDirectory = join(packageRoot, "build");
const cmakeDirectory = join(buildDirectory, "cmake");
const recordPath = join(buildDirectory, "codyra-build.json");
const logPath = join(buildDirectory, "native-build.log");
const addon = join(buildDirectory, "Release/codyra.node");
const opsLibrary = join(
  buildDirectory,
  `Release/libcodyra_ops.${process.platform === "darwin" ? "dylib" : "so"}`,
);

/**
 * What the last build that loaded was made of, or undefined.
 * @returns {{ fingerprint: string, addon: string, opsLibrary: string, libtorch: { version: string, path:
 * string, source: string },
 *   python: string | null, compiler: { name: string, version: string, path: string } } | undefined}
 */
export function readBuildRecord() {
  const record = readJson(recordPath);
  return record && existsSync(addon) && existsSync(opsLibrary) ? record : undefined;
}

/** Whether the addon was built from the present sources against this libtorch. */
export function isBuilt(libtorch) {
  return readBuildRecord()?.fingerprint === fingerprint(libtorch);
}

/** Compiles libcodyra_ops and codyra.node into build/Release. `update` is told the progress. */
export async function buildNative(libtorch, { compiler, generator }, update) {
  discardForeignCmakeCache(compiler, generator);
  mkdirSync(buildDirectory, { recursive: true });
  rmSync(recordPath, { force: true });
  const cmakeJs = locateCmakeJs();
  const options = ["-d", packageRoot, "-O", cmakeDirectory, "-G", generator, "--cxx", compiler.path];
  update("configuring");
  const configured = await runCommand(process.execPath, [
    cmakeJs,
    "configure",
    ...options,
    `--CDLIBTORCH=${libtorch.path}`,
  ]);
  const built =
    configured.code === 0
      ? await runCommand(process.execPath, [cmakeJs, "build", ...options, "-p", String(parallelJobs())], {
          onLine: (line) => reportProgress(line, update),
        })
      : { code: configured.code, output: "" };
  const log = configured.output + built.output;
  writeFileSync(logPath, log);
  if (built.code !== 0) throw buildFailure(log, libtorch);
}

/**
 * Loads the addon in a process of its own, so that not even a crash hides the message, and records the build.
 */
export async function recordBuild(libtorch, compiler) {
  const { code, output } = await runCommand(process.execPath, ["-e", `require(${JSON.stringify(addon)})`]);
  if (code !== 0) {
    throw new SetupError({
      what: "The addon was built but cannot be loaded.",
      expected: `${addon} to load with libtorch ${libtorch.version} in ${libtorch.path}`,
      fix: "Remove build/ and run `npm run setup` again; if it stays, set LIBTORCH to another libtorch.",
      details: output
        .split("\n")
        .filter((line) => /Error|error/.test(line))
        .slice(0, 3),
    });
  }
  const { python, ...rest } = libtorch;
  writeJson(recordPath, {
    fingerprint: fingerprint(libtorch),
    addon,
    opsLibrary,
    libtorch: rest,
    python,
    compiler,
  });
}

function fingerprint(libtorch) {
  const machine = `${process.platform} ${process.arch} ${packageRoot}`;
  return hashFiles(
    [join(packageRoot, "native"), join(packageRoot, "CMakeLists.txt")],
    JSON.stringify([libtorch, machine]),
  );
}

/** CMake refuses a cache that was made in another folder, by another generator, or for another compiler. */
function discardForeignCmakeCache(compiler, generator) {
  const cachePath = join(cmakeDirectory, "CMakeCache.txt");
  if (!existsSync(cachePath)) return;
  const cache = readFileSync(cachePath, "utf8");
  const value = (key) => cache.match(new RegExp(`^${key}:\\w+=(.*)$`, "m"))?.[1];
  const isOurs =
    value("CMAKE_HOME_DIRECTORY") === packageRoot &&
    value("CMAKE_GENERATOR") === generator &&
    value("CMAKE_CXX_COMPILER") === compiler.path;
  if (!isOurs) rmSync(cmakeDirectory, { recursive: true });
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

/** A file that includes libtorch takes up to 2 GB to compile. */
function parallelJobs() {
  const chosen = Number(process.env.CMAKE_BUILD_PARALLEL_LEVEL);
  return chosen > 0
    ? chosen
    : Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / 2 ** 31)));
}

/** Ninja prints `[3/12] Building …`, make `[ 25%] Building …`. */
function reportProgress(line, update) {
  const step = line.match(/^\[\s*(\d+)(?:\/(\d+)|%)\]/);
  if (step) update("compiling", Number(step[1]) / Number(step[2] ?? 100));
}

function buildFailure(log, libtorch) {
  if (/No space left on device/.test(log)) return fullDisk(buildDirectory);
  const isOutOfMemory = /Killed signal|cannot allocate memory|virtual memory exhausted/i.test(log);
  const errors = log
    .split("\n")
    .filter((line) => /error:|CMake Error|undefined reference|No such file/.test(line));
  return new SetupError({
    what: isOutOfMemory ? "The compiler ran out of memory." : "The native build failed.",
    expected: `native/ to compile against libtorch ${libtorch.version} in ${libtorch.path}`,
    fix: isOutOfMemory
      ? "Set CMAKE_BUILD_PARALLEL_LEVEL=1 and run `npm run setup` again."
      : `Read the whole output in ${logPath}, then run \`npm run setup\` again.`,
    details: (errors.length ? errors : log.trimEnd().split("\n").slice(-10)).slice(0, 10),
  });
}
