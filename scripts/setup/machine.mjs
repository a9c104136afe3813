import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { which } from "./command.mjs";
import { SetupError } from "./failure.mjs";

const oldestNode = [20, 17];
const supportedMachines = ["linux x64", "linux arm64", "darwin arm64"];

/**
 * @param {{ version: string, platform: string, arch: string }} node the Node that runs this, by default this
 *   process
 * @returns {string} such as `node 20.20.2, linux x64`
 */
export function checkMachine({ version, platform, arch } = thisNode()) {
  const [major, minor] = version.split(".").map(Number);
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    throw new SetupError({
      what: `Node.js ${version} is too old.`,
      expected: `Node.js ${oldestNode.join(".")} or newer`,
      fix: "Install a current Node.js, for example with `nvm install 22`.",
    });
  }
  if (!supportedMachines.includes(`${platform} ${arch}`)) {
    throw new SetupError({
      what: `There is no libtorch for ${platform} ${arch}.`,
      expected: `one of ${supportedMachines.join(", ")}`,
      fix:
        platform === "win32"
          ? "Use the Windows Subsystem for Linux."
          : "Use a 64-bit Node.js that was built for this machine's own processor, or another machine.",
    });
  }
  return `node ${version}, ${platform} ${arch}`;
}

function thisNode() {
  return { version: process.versions.node, platform: process.platform, arch: process.arch };
}

/** Whether the NVIDIA driver is installed, so that libtorch's CUDA build is of use. */
export function hasNvidiaGpu() {
  return existsSync("/proc/driver/nvidia/version") || which("nvidia-smi") !== undefined;
}

/** The folder for what all clones of codyra share. */
export function cacheDirectory() {
  const fallback = process.platform === "darwin" ? "Library/Caches" : ".cache";
  return join(process.env.XDG_CACHE_HOME || join(homedir(), fallback), "codyra");
}
