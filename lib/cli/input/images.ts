import { listImages, surveyImages } from "../../data/index.js";
import { tell } from "../output/print.js";
import { unreadableImages } from "../output/unreadable-images.js";

/** The images that a command line names: counted, and listed anew as they are needed. */
export interface NamedImages {
  readonly count: number;
  /** Characters of the longest path. */
  readonly longestPath: number;
  /** Places without images, and why. */
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
  paths(): AsyncGenerator<string, void, undefined>;
}

/**
 * Looks for images without holding their paths.
 * @param places files, folders or patterns
 * @param strict whether a place without images is an error here
 */
export async function findNamedImages(
  places: readonly string[],
  { strict = false }: { readonly strict?: boolean } = {},
): Promise<NamedImages> {
  const { count, longestPath, missing, warnings } = await surveyImages(places);
  for (const line of warnings) tell(`${line}\n`);
  const named = missing.map(({ path, reason }) => ({ name: path, reason }));
  if (strict && named.length > 0) throw unreadableImages(named);
  return {
    count,
    longestPath,
    missing: named,
    async *paths() {
      for await (const { path, reason } of listImages(places)) if (reason === undefined) yield path;
    },
  };
}
