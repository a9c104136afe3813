import { existsSync } from "node:fs";
import { isAbsolute, normalize, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { withHome } from "./home.js";

/**
 * One name for one file, however its path is written.
 * @param place the list and line of the path, for the message
 * @returns relative to the root, with forward slashes
 * @throws if it is an address elsewhere, or a broken one
 */
export function imageName(root: string, path: string, place: string): string {
  const given = /^file:\//i.test(path) ? pathOfAddress(path, place) : withHome(path);
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(given)?.[1];
  if (scheme !== undefined) {
    throw new Error(
      `${place}: expected the path of a file, got the address ${given}. Download the images, and list where they are.`,
    );
  }
  // Written on Windows, unless a file is really called so.
  const isForeign = sep === "/" && given.includes("\\") && !existsSync(resolve(root, given));
  const written = isForeign ? given.replaceAll("\\", "/") : given;
  const name = isAbsolute(written) ? relative(root, written) : normalize(written);
  return name.replaceAll(sep, "/");
}

function pathOfAddress(address: string, place: string): string {
  try {
    return fileURLToPath(address);
  } catch (cause) {
    throw new Error(
      `${place}: expected the address of a file on this machine, got ${address}: ${(cause as Error).message}. ` +
        "Write the path of the file.",
      { cause },
    );
  }
}
