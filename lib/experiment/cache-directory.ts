import { homedir } from "node:os";
import { join } from "node:path";
import { ImageCache } from "../data/index.js";
import { ownMachine } from "./processes.js";

/** The folder for everything that codyra can make or fetch again. */
export function cacheDirectory(): string {
  const fallback = join(homedir(), process.platform === "darwin" ? "Library/Caches" : ".cache");
  return join(process.env.XDG_CACHE_HOME || fallback, "codyra");
}

/** The folder of decoded images. */
export function imageCacheDirectory(): string {
  return join(cacheDirectory(), "images");
}

/** Opens the cache of decoded images that a run shares with its other processes on this machine. */
export function openImageCache(isWanted: boolean): ImageCache | undefined {
  return isWanted ? new ImageCache(imageCacheDirectory(), ownMachine()) : undefined;
}
