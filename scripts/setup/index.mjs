import { join } from "node:path";
import { toSetupError } from "./failure.mjs";
import { packageRoot } from "./files.mjs";
import { tryJavaScriptPeers } from "./javascript-peers.mjs";
import { locateLibtorch } from "./libtorch.mjs";
import { withLock } from "./lock.mjs";
import { checkMachine } from "./machine.mjs";
import { buildNative, installPrebuilt, isBuilt, recordBuild } from "./native.mjs";
import { tryNvrtc } from "./nvrtc.mjs";
import { arePackagesInstalled, installPackages } from "./packages.mjs";
import { preparePeers, tryPeers } from "./peers.mjs";
import { findPrebuilt } from "./prebuilt.mjs";
import { installPrivateEnvironment } from "./private-environment.mjs";
import { tryPrograms } from "./programs.mjs";
import { createReport } from "./report.mjs";
import { findToolchain } from "./toolchain.mjs";
import { compileTypescript, isCompiled } from "./typescript.mjs";

export { toSetupError } from "./failure.mjs";
export { locateLibtorch } from "./libtorch.mjs";
export { cacheDirectory, checkMachine } from "./machine.mjs";
export { readBuildRecord } from "./native.mjs";
export { findToolchain } from "./toolchain.mjs";

/**
 * Finds or installs libtorch, builds the addon, and compiles the TypeScript sources; what is already done is
 * skipped.
 * @param {{ quiet?: boolean, nativeOnly?: boolean, withPackages?: boolean, peers?: "needed" | "wanted",
 *   programs?: boolean, compileKernels?: boolean }} options
 *   - quiet: print only the steps that have work to do
 *   - nativeOnly: leave TypeScript alone
 *   - withPackages: install node_modules first
 *   - peers: also the Python packages of the peer tests, or try to
 *   - programs: try to install the other programs of tests
 *   - compileKernels: also CUDA's run-time compiler
 * @throws {import("./failure.mjs").SetupError} the first thing that is missing
 */
export async function setUp({
  quiet = false,
  nativeOnly = false,
  withPackages = false,
  peers,
  programs = false,
  compileKernels = false,
} = {}) {
  const report = createReport({ quiet });
  report.found(checkMachine());
  const steps = async () => {
    if (withPackages && !arePackagesInstalled())
      await report.run("npm packages", "installed in", installPackages);
    await prepareAddon(report);
    if (!nativeOnly) await prepareTypescript(report);
    if (peers === "needed") await preparePeers(report);
    if (peers === "wanted") await tryPeers(report);
    if (peers !== undefined) await tryJavaScriptPeers(report);
    if (compileKernels) await tryNvrtc(report);
    if (programs) await tryPrograms(report);
  };
  await withLock(join(packageRoot, "build/setup.lock"), steps, () =>
    report.say("waiting for another set-up of this checkout"),
  );
}

async function prepareAddon(report) {
  let libtorch = await locateLibtorch();
  const isDone = libtorch !== null && isBuilt(libtorch);
  const mayFit = isDone || isFitting(findPrebuilt(libtorch));
  let toolchain = mayFit ? undefined : await findToolchain(); // before the download, which would be in vain without it
  if (toolchain) report.found(describeToolchain(toolchain));
  if (libtorch) report.found(describeLibtorch(libtorch));
  else {
    await report.run("libtorch", "installed in", async (update) => {
      libtorch = await installPrivateEnvironment(update);
      return describeLibtorch(libtorch);
    });
  }
  if (isDone) return report.found("native build", "up to date");
  if (await tryPrebuilt(report, libtorch)) return;
  toolchain ??= await findToolchain();
  await report.run("native build", "", (update) => buildNative(libtorch, toolchain, update));
  const { compiler } = toolchain;
  await report.run("addon", "loads in", () => recordBuild(libtorch, { compiler }));
}

function isFitting(prebuilt) {
  return prebuilt !== undefined && prebuilt.reason === undefined;
}

/** @returns whether the addon is there; where it is not, it has to be compiled */
async function tryPrebuilt(report, libtorch) {
  const prebuilt = findPrebuilt(libtorch);
  if (prebuilt === undefined) return false;
  const { name, libraries, reason } = prebuilt;
  if (reason !== undefined) {
    report.say(`${name} ${reason}: the addon is compiled here.`);
    return false;
  }
  try {
    await report.run(`addon of ${name}`, "loads in", () => {
      installPrebuilt(libraries, libtorch);
      return recordBuild(libtorch, { prebuilt: name });
    });
    return true;
  } catch (error) {
    const { details = [] } = toSetupError(error);
    report.say(`${name} does not load, so the addon is compiled here. ${details[0] ?? ""}`.trim());
    return false;
  }
}

async function prepareTypescript(report) {
  if (isCompiled()) report.found("TypeScript", "up to date");
  else await report.run("TypeScript", "", compileTypescript);
}

function describeToolchain({ compiler, cmake, generator }) {
  return `${compiler.name} ${compiler.version}, cmake ${cmake}, ${generator === "Ninja" ? "ninja" : "make"}`;
}

function describeLibtorch({ version, source }) {
  return `libtorch ${version} (${source})`;
}
