import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { runCmake } from "./cmake.mjs";
import { runCommand } from "./command.mjs";
import { fullDisk, SetupError } from "./failure.mjs";
import { hashFiles, packageRoot, readJson, writeJson } from "./files.mjs";

const buildDirectory = join(packageRoot, "build");
const cmakeDirectory = join(buildDirectory, "cmake");
const recordPath = join(buildDirectory, "codyra-build.json");
const logPath = join(buildDirectory, "native-build.log");
const outputDirectory = join(buildDirectory, "Release");
const addon = join(outputDirectory, "codyra.node");
const opsLibrary = join(outputDirectory, `libcodyra_ops.${process.platform === "darwin" ? "dylib" : "so"}`);

/**
 * The record of the last build that loaded, or undefined.
 * @returns {{ fingerprint: string, addon: string, opsLibrary: string,
 *   libtorch: { version: string, path: string, source: string }, python: string | null,
 *   compiler: { name: string, version: string, path: string } | null, prebuilt?: string } | undefined}
 *   prebuilt: the package that it is from, where nothing was compiled
 */
export function readBuildRecord() {
  const record = readJson(recordPath);
  return record && existsSync(addon) && existsSync(opsLibrary) ? record : undefined;
}

/** Whether the addon was built from the present sources against this libtorch. */
export function isBuilt(libtorch) {
  return readBuildRecord()?.fingerprint === fingerprint(libtorch);
}

/**
 * Compiles libcodyra_ops and codyra.node into build/Release. `update` is told the progress.
 * @throws SetupError if a source was changed meanwhile: its file is older than what was made of it then
 */
export async function buildNative(libtorch, toolchain, update) {
  const sources = hashNativeSources();
  discardForeignCmakeCache(toolchain);
  rmSync(recordPath, { force: true });
  update("configuring");
  const { code, output } = await runCmake({
    directory: cmakeDirectory,
    definitions: { LIBTORCH: libtorch.path },
    onLine: (line) => reportProgress(line, update),
    toolchain,
  });
  writeFileSync(logPath, output);
  const isChanged = hashNativeSources() !== sources;
  if (isChanged) rmSync(cmakeDirectory, { recursive: true, force: true });
  if (code !== 0) throw buildFailure(output, libtorch);
  if (!isChanged) return;
  throw new SetupError({
    what: "Files in native/ changed while they were compiled.",
    expected: "sources that stay as they are during the build",
    fix: "Run `npm run setup` again.",
  });
}

/**
 * Puts prebuilt libraries where those that are compiled go.
 * @param {string[]} libraries their paths
 */
export function installPrebuilt(libraries, libtorch) {
  rmSync(recordPath, { force: true });
  rmSync(cmakeDirectory, { recursive: true, force: true }); // it would take these libraries for its own
  mkdirSync(outputDirectory, { recursive: true });
  for (const library of libraries) {
    const path = join(outputDirectory, basename(library));
    rmSync(path, { force: true }); // a process that runs keeps the file it has loaded
    copyFileSync(library, path);
  }
  const link = join(outputDirectory, "libtorch"); // where they look for it
  rmSync(link, { force: true });
  symlinkSync(join(libtorch.path, "lib"), link);
}

/**
 * Loads the addon in a process of its own, so that not even a crash hides the message, and records the build.
 * @param {{ compiler: object } | { prebuilt: string }} origin its compiler, or the package it is from
 */
export async function recordBuild(libtorch, origin) {
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
    compiler: null,
    ...origin,
  });
}

function fingerprint(libtorch) {
  const machine = `${process.platform} ${process.arch} ${packageRoot}`;
  return hashNativeSources(JSON.stringify([libtorch, machine]));
}

/** SHA-256 over everything that the addon is compiled from, and `extra`. */
export function hashNativeSources(extra = "") {
  return hashFiles([join(packageRoot, "native"), join(packageRoot, "CMakeLists.txt")], extra);
}

/** CMake refuses a cache that was made in another folder, by another generator, or for another compiler. */
function discardForeignCmakeCache({ compiler, generator }) {
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
