const headerLength = 13;
const graphicControl = 0xf9;

/**
 * The palette's colour for the transparent pixels of a GIF's first frame, which decoders that make them
 * transparent do not tell. Source: https://www.w3.org/Graphics/GIF/spec-gif89a.txt
 * @returns undefined if no pixel is transparent, or the file ends early
 */
export function transparentColor(file: Uint8Array): { r: number; g: number; b: number } | undefined {
  const byte = (position: number) => file[position] ?? 0;
  let position = headerLength + tableLength(byte(10));
  let index: number | undefined;
  while (byte(position) === 0x21) {
    const hasTransparency = byte(position + 1) === graphicControl && (byte(position + 3) & 1) === 1;
    if (hasTransparency) index = byte(position + 6);
    position += 2;
    while (byte(position) !== 0) position += 1 + byte(position); // an extension is a chain of blocks, each after its length
    position++;
  }
  if (byte(position) !== 0x2c || index === undefined) return undefined;
  const hasOwnTable = tableLength(byte(position + 9)) > 0;
  const color = (hasOwnTable ? position + 10 : headerLength) + 3 * index;
  return color + 3 <= file.length ? { r: byte(color), g: byte(color + 1), b: byte(color + 2) } : undefined;
}

/** Bytes of a colour table. @param flags the byte that says whether there is one, and its size */
function tableLength(flags: number): number {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}
