import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./command.mjs";
import { SetupError, toSetupError } from "./failure.mjs";
import { packageRoot, writeJson } from "./files.mjs";
import { withLock } from "./lock.mjs";
import { cacheDirectory } from "./machine.mjs";
import { lastLines } from "./virtual-environment.mjs";

const timeLimitMs = 4 * 60_000;
const what = "JavaScript packages of peer tests";

/**
 * The folder with the packages of test/peers/javascript.json in its node_modules.
 * @returns {string | undefined} undefined if it has not been set up, or with CODYRA_PEERS=off
 */
export function findJavaScriptPeers() {
  if (process.env.CODYRA_PEERS === "off") return undefined;
  return existsSync(marker()) ? directory() : undefined;
}

/** Installs the packages without their install scripts; where they cannot be had, one line says so. */
export async function tryJavaScriptPeers(report) {
  if (process.env.CODYRA_PEERS === "off") return report.found(what, "off");
  try {
    if (findJavaScriptPeers()) return report.found(what);
    await report.run(what, "installed in", install);
  } catch (error) {
    report.say(`tests with transformers.js are skipped: ${toSetupError(error).what}`);
  }
}

function install(update) {
  const folder = directory();
  return withLock(
    `${folder}.lock`,
    async () => {
      if (findJavaScriptPeers()) return; // installed by the set-up that this one waited for
      update("npm install");
      mkdirSync(folder, { recursive: true });
      writeJson(join(folder, "package.json"), { private: true, dependencies: wantedPackages() });
      // The install script of onnxruntime-node fetches CUDA libraries; those for the CPU are in the package.
      const flags = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
      const { code, output } = await runCommand("npm", flags, {
        cwd: folder,
        signal: AbortSignal.timeout(timeLimitMs),
      });
      if (code !== 0)
        throw new SetupError({
          what: "npm could not install the packages of test/peers/javascript.json.",
          expected: "a registry that npm can reach",
          fix: "Connect, or set npm's registry to a mirror; CODYRA_PEERS=off goes on without.",
          details: lastLines(output, 5),
        });
      writeFileSync(marker(), "");
    },
    () => update("waiting for another set-up, which is installing them"),
  );
}

function directory() {
  const versions = Object.entries(wantedPackages()).map(
    ([name, version]) => `${name.replace(/^.*\//, "")}-${version}`,
  );
  return join(cacheDirectory(), `javascript-peers-${versions.join("-")}`);
}

function wantedPackages() {
  return JSON.parse(readFileSync(join(packageRoot, "test/peers/javascript.json"), "utf8"));
}

/** Written last. */
function marker() {
  return join(directory(), "codyra-complete");
}
