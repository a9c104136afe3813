/**
 * Reads a part of a file of vectors. What a library says of one that is damaged names neither the file nor
 * the way out.
 * @throws Error with the path, in place of the library's error
 */
export async function readingDamaged<T>(path: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const { message, syscall } = cause as NodeJS.ErrnoException;
    if (syscall !== undefined) throw cause; // a file that is not there, or may not be read
    throw new Error(
      `${path}: expected a file as codyra embed writes it, got damaged content (${message}). Embed again.`,
      {
        cause,
      },
    );
  }
}
