/** Controls, ends of lines and paragraphs, and the marks that turn the direction of text. */
const controls = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/**
 * A name from a file or the network, safe for a terminal. Characters that would move the cursor, change
 * colours or hide what follows are written as `\x1b`.
 */
export function printable(text: string): string {
  return text.replace(controls, (character) => {
    const code = character.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}

/** The first lines of a text of others, each printable; how many more there are in the last. */
export function firstLines(text: string, count: number): string {
  const lines = text
    .split("\n")
    .map((line) => printable(line.length > 300 ? `${line.slice(0, 300)}…` : line));
  if (lines.length <= count) return lines.join("\n");
  return [...lines.slice(0, count - 1), `… and ${lines.length - count + 1} more`].join("\n");
}
