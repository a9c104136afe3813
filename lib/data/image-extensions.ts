/** Extensions of image files that can be decoded, in lower case. */
export const imageExtensions: ReadonlySet<string> = new Set([
  ".jpg",
  ".jpeg",
  ".png",
  ".webp",
  ".gif",
  ".tif",
  ".tiff",
  ".avif",
]);
