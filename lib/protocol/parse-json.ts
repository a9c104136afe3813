/**
 * Reads a value of a file's metadata.
 * @returns `undefined` if it is missing or damaged, which its schema refuses
 */
export function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}
