import { listImages } from "./list-images.js";
import { PassedOver } from "./passed-over.js";

export interface FoundImages {
  /** Paths as they were given or matched, each once. */
  readonly files: readonly string[];
  /** Paths without an image, and why. */
  readonly missing: readonly { readonly path: string; readonly reason: string }[];
  /** Warnings about files in folders that do not count as images; empty if all do. */
  readonly warnings: readonly string[];
}

/** All that `listImages` gives. */
export async function findImages(places: readonly string[]): Promise<FoundImages> {
  const files: string[] = [];
  const missing: { path: string; reason: string }[] = [];
  const passedOver = new PassedOver();
  for await (const { path, reason } of listImages(places, (kind) => passedOver.add(kind))) {
    if (reason === undefined) files.push(path);
    else missing.push({ path, reason });
  }
  passedOver.use(files.length);
  return { files, missing, warnings: passedOver.warnings() };
}

/** Counts of a listing, for those who do not hold it. */
export interface SurveyedImages {
  /** Images. */
  readonly count: number;
  /** Characters of the longest path. */
  readonly longestPath: number;
  readonly missing: FoundImages["missing"];
  readonly warnings: FoundImages["warnings"];
}

/** Goes through `listImages` once, and holds no paths. */
export async function surveyImages(places: readonly string[]): Promise<SurveyedImages> {
  let [count, longestPath] = [0, 0];
  const missing: { path: string; reason: string }[] = [];
  const passedOver = new PassedOver();
  for await (const { path, reason } of listImages(places, (kind) => passedOver.add(kind))) {
    if (reason !== undefined) missing.push({ path, reason });
    else [count, longestPath] = [count + 1, Math.max(longestPath, path.length)];
  }
  passedOver.use(count);
  return { count, longestPath, missing, warnings: passedOver.warnings() };
}
