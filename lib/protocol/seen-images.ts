import type { ImageSet } from "../data/index.js";

/** A dataset's images, each by a text that no other image has. */
export interface NamedImages {
  readonly name: string;
  readonly images: readonly string[];
}

/**
 * Warnings about hold-outs with images of learned datasets. A folder under two names may be divided otherwise
 * under each, so any image that they share is told.
 * @param learned training and test images   @param holdOuts test images
 */
export function learnedHoldOutWarnings(
  learned: readonly NamedImages[],
  holdOuts: readonly NamedImages[],
): string[] {
  return holdOuts.flatMap(({ name, images }) => {
    const own = new Set(images);
    return learned.flatMap((dataset) => {
      const shared = new Set(dataset.images.filter((image) => own.has(image)));
      if (shared.size === 0) return [];
      return [
        `Hold-out ${name}: of ${own.size} test images, ${shared.size} are also in ${dataset.name}, which is learned. ` +
          "Accuracy on them is not that on unseen data: name other images, or take one of the two out.",
      ];
    });
  });
}

/** Warnings about test images that are training images of the same class, byte by byte. */
export function trainedTestImagesWarnings(
  tasks: readonly { readonly name: string; readonly train: ImageSet; readonly test: ImageSet }[],
): string[] {
  return tasks.flatMap(({ name, train, test }) => {
    const trained = new Set(contentsOf(train));
    const contents = contentsOf(test);
    const count = contents.filter((content) => trained.has(content)).length;
    if (count === 0) return [];
    return [
      `${name}: of ${contents.length} test images, ${count} are also among the training images, byte by byte. ` +
        "Its accuracy counts what was learned by heart: take them out of one part.",
    ];
  });
}

/** Digests of label and content; none of images that were made in memory. */
export function contentsOf({ contents }: ImageSet): string[] {
  return [...(contents?.values() ?? [])];
}
