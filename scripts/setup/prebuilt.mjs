import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { packageRoot, readJson } from "./files.mjs";
import { hasNvidiaGpu } from "./machine.mjs";
import { hashNativeSources } from "./native.mjs";
import { torchVersion } from "./private-environment.mjs";

/** The optional package that holds the addon of this platform, compiled. */
export const prebuiltPackage = `@codyra/${process.platform}-${process.arch}`;
/** The file in it that names its libraries. */
export const prebuiltManifest = "prebuilt.json";

/**
 * The prebuilt libraries, where their package is installed.
 * @param {import("./libtorch.mjs").Libtorch | null} libtorch null before it is installed
 * @returns {{ name: string, libraries: string[], reason?: string } | undefined}
 *   libraries: their paths; reason: why they do not fit
 */
export function findPrebuilt(libtorch) {
  if (process.env.CODYRA_PREBUILT === "off") return undefined;
  const path = locateManifest();
  const manifest = path && readJson(path);
  if (!manifest) return undefined;
  return {
    name: `${prebuiltPackage} ${manifest.version}`,
    libraries: manifest.libraries.map((name) => join(dirname(path), name)),
    reason: reasonAgainst(manifest, libtorch),
  };
}

function locateManifest() {
  try {
    return createRequire(join(packageRoot, "package.json")).resolve(`${prebuiltPackage}/${prebuiltManifest}`);
  } catch {
    return undefined;
  }
}

/** libtorch keeps its binary interface within a minor version. */
function reasonAgainst(manifest, libtorch) {
  const version = libtorch?.version ?? torchVersion;
  const hasCuda = libtorch ? existsSync(join(libtorch.path, "lib/libtorch_cuda.so")) : hasNvidiaGpu();
  if (manifest.native !== hashNativeSources()) return "is of another version of codyra";
  if (hasCuda) return "is for the CPU, and libtorch has CUDA";
  if (minorOf(manifest.libtorch) !== minorOf(version))
    return `is for libtorch ${minorOf(manifest.libtorch)}, not ${minorOf(version)}`;
  return undefined;
}

function minorOf(version) {
  return version.split(".").slice(0, 2).join(".");
}
