import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";

/**
 * A disk that gets full: a small tmpfs as root, else a limit on the size of files.
 * @typedef {{ folder: string, command: string[], enlarge(): void, remove(): void }} SmallDisk
 *   command: what starts a process on it
 * @returns {SmallDisk}
 */
export function makeSmallDisk(folder, kibibytes) {
  mkdirSync(folder);
  if (mount("-t", "tmpfs", "-o", `size=${kibibytes}k`, "codyra-stress", folder)) {
    const remove = () => mounted.delete(folder) && execFileSync("umount", ["-l", folder]);
    mounted.set(folder, remove);
    const enlarge = () => execFileSync("mount", ["-o", "remount,size=1g", folder]);
    return { folder, command: [], enlarge, remove };
  }
  const disk = {
    folder,
    command: ["bash", "-c", `ulimit -f ${kibibytes} && exec "$@"`, "bash"],
    enlarge() {
      disk.command = [];
    },
    remove() {},
  };
  return disk;
}

const mounted = new Map();
process.once("exit", () => {
  for (const remove of mounted.values()) remove();
});

function mount(...args) {
  try {
    execFileSync("mount", args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
