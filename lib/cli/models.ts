import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isRepository } from "../download/index.js";
import { cacheDirectory } from "./cache-directory.js";

/** The folder of the miniature CLIP that comes with codyra. */
export const miniatureModel = fileURLToPath(new URL("../../assets/miniature-clip", import.meta.url));

/** Where `codyra download` puts a model unless told otherwise. @param repository `owner/name` */
export function downloadedModel(repository: string): string {
  return join(cacheDirectory(), "models", repository);
}

/**
 * The path of a model that a user names: `miniature`, a path, or `owner/name` of a downloaded one. A path goes before a download.
 * @param base folder that a path is relative to
 * @throws if there is none
 */
export function resolveModel(model: string, base = "."): string {
  if (model === "miniature") return miniatureModel;
  const path = resolve(base, model);
  if (existsSync(path)) return path;
  if (!isRepository(model)) {
    throw new Error(
      `${model}: expected a model's folder or file, but there is none. Check the path, or give owner/name of a model on the hub.`,
    );
  }
  const directory = downloadedModel(model);
  if (existsSync(directory)) return directory;
  throw new Error(
    `${model}: expected a path or a downloaded model, but there is neither. Fetch it with: codyra download ${model}`,
  );
}
