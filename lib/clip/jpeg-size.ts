/** Start-of-frame markers: C0 to CF without the tables and extensions between them. */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** Markers that stand alone, with no segment after them. */
const isAlone = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

/**
 * The size of a JPEG in pixels, from the header of its frame.
 * Source: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex B
 * @returns undefined if the content is no JPEG, or no frame comes before the first scan
 */
export function jpegSize(content: Uint8Array): { width: number; height: number } | undefined {
  if (content[0] !== 0xff || content[1] !== 0xd8) return undefined;
  const short = (at: number): number => ((content[at] ?? 0) << 8) | (content[at + 1] ?? 0);
  for (let at = 2; at < content.length; ) {
    if (content[at++] !== 0xff) continue; // stray bytes, which decoders pass over
    while (content[at] === 0xff) at++; // filling
    const marker = content[at++] ?? 0;
    if (marker === 0 || isAlone(marker)) continue;
    if (isFrame(marker)) {
      return at + 7 <= content.length ? { height: short(at + 3), width: short(at + 5) } : undefined;
    }
    if (marker === 0xd9 || marker === 0xda) return undefined; // the end, or the first scan
    at += short(at); // the length counts itself
  }
  return undefined;
}
