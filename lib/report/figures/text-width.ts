/**
 * Advance widths of Helvetica and Arial in thousandths of the font size, from space to tilde (Adobe's Core 14
 * font metrics).
 */
const widths = [
  278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
  556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
  500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
  556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
  278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
] as const;
/** Width of a character that the table lacks, such as a Greek letter. */
const otherWidth = 600;
/**
 * Bold letters, and those of DejaVu Sans, which stands in where there is neither font, are up to this much
 * wider.
 */
const margin = 1.15;

/**
 * Width of a line of text that is large enough for the fonts of the figures, in the unit of the font size.
 */
export function textWidth(text: string, fontSize: number): number {
  let sum = 0;
  for (const character of text) sum += widths[(character.codePointAt(0) as number) - 32] ?? otherWidth;
  return Math.ceil((margin * sum * fontSize) / 1000);
}
