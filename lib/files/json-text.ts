/** A value as a file or a terminal shows it: JSON, indented, with the end of its last line. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
