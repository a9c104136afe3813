/**
 * The text of a file that people write: UTF-8 or UTF-16, without its byte order mark. Nothing is replaced,
 * because a class name with a replaced letter is another class to CLIP.
 * @param name path of the file or flag that messages begin with
 * @throws if the bytes are of another encoding or hold a zero character, naming offset and line
 */
export function decodeText(bytes: Uint8Array, name: string): string {
  if (isUtf32(bytes)) {
    throw new Error(`${name}: expected text in UTF-8 or UTF-16, got UTF-32. Save it as UTF-8.`);
  }
  const encoding = encodingOf(bytes);
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Error(
      `${name}: expected text in UTF-8, got ${firstFault(bytes, encoding)}. Save it as UTF-8.`,
      {
        cause,
      },
    );
  }
  const zero = text.indexOf("\0");
  if (zero === -1) return text;
  throw new Error(
    `${name}: expected text in UTF-8, got a zero character in line ${lineAt(text, zero)}. Save it as UTF-8.`,
  );
}

/** Whether a byte order mark, or three zeros in the first character, tell UTF-32. */
function isUtf32([a, b, c, d]: Uint8Array): boolean {
  const little = c === 0 && d === 0 && (b === 0 || (a === 0xff && b === 0xfe));
  const big = a === 0 && b === 0 && (c === 0 || (c === 0xfe && d === 0xff));
  return little || big;
}

/** UTF-16 by its byte order mark, or by the zeros that Latin letters have in it. */
function encodingOf(bytes: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return "utf-16le";
  return (first === 0xfe && second === 0xff) || (first === 0 && second !== 0) ? "utf-16be" : "utf-8";
}

/** The first byte that belongs to no character, with its place. */
function firstFault(bytes: Uint8Array, encoding: string): string {
  if (encoding !== "utf-8") return `broken ${encoding.toUpperCase()}`;
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  let offset = 0;
  let from = 0;
  for (let at = text.indexOf("\ufffd"); at !== -1; at = text.indexOf("\ufffd", from)) {
    offset += Buffer.byteLength(text.slice(from, at));
    from = at + 1;
    const isWritten = replacement.every((byte, i) => bytes[offset + i] === byte);
    if (!isWritten) {
      const byte = (bytes[offset] as number).toString(16);
      return `the byte 0x${byte} at offset ${offset} in line ${lineAt(text, at)}`;
    }
    offset += replacement.length;
  }
  return "other bytes";
}

/** U+FFFD in UTF-8. */
const replacement = [0xef, 0xbf, 0xbd];

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}
