import { contentKind } from "../files/index.js";

/**
 * A decoder's error in one line. Where it does not know the content, the error says what that seems to be,
 * and the way to an image.
 */
export function explainContent(error: Error, content: Uint8Array | undefined): Error {
  const [line = ""] = error.message.split("\n");
  const isUnknown = /unsupported image format|corrupt header|buffer is empty/i.test(line);
  const kind = content !== undefined && isUnknown ? contentKind(content) : undefined;
  if (kind !== undefined) return new Error(`it is ${kind.name}; ${kind.advice}`, { cause: error });
  if (/ support is not configured$/.test(line)) {
    return new Error(`${line.replace(/^tiff2vips: /, "")}; save it as PNG or JPEG`, { cause: error });
  }
  const short = line.trim().replace(/[:.]$/, "");
  return short === error.message ? error : new Error(short, { cause: error });
}
