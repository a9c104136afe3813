import { existsSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./command.mjs";
import { SetupError } from "./failure.mjs";
import { packageRoot, readJson } from "./files.mjs";

/** Whether node_modules holds what package-lock.json asks for; packages for other platforms may be absent. */
export function arePackagesInstalled() {
  const wanted = readJson(join(packageRoot, "package-lock.json"));
  const installed = readJson(join(packageRoot, "node_modules/.package-lock.json"));
  if (!wanted) return existsSync(join(packageRoot, "node_modules"));
  return Object.entries(wanted.packages).every(([path, { version, optional }]) => {
    const present = installed?.packages[path];
    if (path === "" || (optional && !present)) return true;
    return present?.version === version && existsSync(join(packageRoot, path));
  });
}

/**
 * Installs the versions in package-lock.json. `npm ci` would refuse a lock file that lacks optional packages
 * of other platforms. Registry mirrors of one platform lead to such files.
 */
export async function installPackages() {
  const flags = ["--no-save", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const { code, output } = await runCommand("npm", ["install", ...flags], {
    cwd: packageRoot,
    env: { ...process.env, CODYRA_SETUP: "later" }, // its install script is this set-up
  });
  if (code === 0) return;
  const isOffline = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET/.test(output);
  throw new SetupError({
    what: isOffline ? "npm could not reach its registry." : "`npm install` failed.",
    expected: "the packages of package.json to be installed into node_modules",
    fix: isOffline
      ? "Connect, or set npm's registry to a mirror, and try again."
      : "Run `npm install` to see all of its output.",
    details: output.trimEnd().split("\n").slice(0, 8),
  });
}
