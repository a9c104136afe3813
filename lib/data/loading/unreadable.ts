import type { Example } from "../types.js";

/** An image that could not be read or decoded. */
export interface UnreadableImage {
  /** Its place in the list of examples. */
  readonly index: number;
  readonly example: Example;
  readonly reason: string;
}

/** Decoders explain themselves in the cause; their own message does not know the path. */
export function reasonOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/**
 * The error that counts them and lists the first.
 * @param tried how many images were read, of which these could not be
 */
export function unreadableImages(images: readonly UnreadableImage[], tried: number): Error {
  const listed = images.slice(0, 5).map(({ example, reason }) => `  ${place(example)}: ${reason}`);
  const count = `${images.length} of ${tried}`;
  return new Error(
    `Loading images: expected every file to be a readable image, got ${count} that are not. Replace or remove them` +
      `${images.length > listed.length ? `; the first ${listed.length}` : ""}:\n${listed.join("\n")}`,
  );
}

/** The file of the image, and where in it the image is when there are several. */
export function place({ file, name }: Example): string {
  return file.replaceAll("\\", "/").endsWith(name) ? file : `${file} (${name})`;
}
