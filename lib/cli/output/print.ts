import { printable } from "../../options/index.js";

/** Ends of lines, and the bold and underlined text of our own tables. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what terminals are told with
const ours = /(\n|\x1b\[[014]m)/;

/**
 * Text as a stream may show it: on a terminal, control characters of names and messages are written as
 * `\x1b`. Other programs get the text as it is.
 */
export function shownOn({ isTTY }: { readonly isTTY?: boolean }, text: string): string {
  if (isTTY !== true) return text;
  return text
    .split(ours)
    .map((part, i) => (i % 2 === 0 ? printable(part) : part))
    .join("");
}

/** Writes results to stdout. */
export function print(text: string): void {
  process.stdout.write(shownOn(process.stdout, text));
}

/** Writes a message for people to stderr. */
export function tell(text: string): void {
  process.stderr.write(shownOn(process.stderr, text));
}
