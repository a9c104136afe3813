import { homedir } from "node:os";
import { join } from "node:path";

/** Where codyra keeps what it can make or fetch again. */
export function cacheDirectory(): string {
  const fallback = join(homedir(), process.platform === "darwin" ? "Library/Caches" : ".cache");
  return join(process.env.XDG_CACHE_HOME || fallback, "codyra");
}

/** Where decoded images are kept. */
export function imageCacheDirectory(): string {
  return join(cacheDirectory(), "images");
}
