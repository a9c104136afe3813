/** How to print on a stream: colour unless it is no terminal or `NO_COLOR` is set, and its width. */
export function terminalStyle(stream: NodeJS.WriteStream): { color: boolean; width: number | undefined } {
  return { color: Boolean(stream.isTTY) && stream.hasColors(), width: stream.columns };
}
