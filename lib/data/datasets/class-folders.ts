import { posix } from "node:path";
import type { Example } from "../types.js";
import { imageNames } from "./files.js";
import type { FoundLayout } from "./layout.js";

/**
 * The images of folders, one for each class in label order.
 * @param folders as the lists name them
 * @throws if a folder is missing or has no images
 */
export async function classFolders(layout: FoundLayout, folders: readonly string[]): Promise<Example[]> {
  const examples: Example[] = [];
  for (const [label, folder] of folders.entries()) {
    const images = await imageNames(layout.imageFolder(folder));
    if (images.length === 0) {
      throw new Error(
        `${layout.imageFolder(folder)}: expected JPEG images, got none. Unpack the archives of the dataset again.`,
      );
    }
    for (const image of images) examples.push(layout.image(posix.join(folder, image), label));
  }
  return examples;
}
