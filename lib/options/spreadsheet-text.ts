/** How text begins that spreadsheets compute, and such text behind the marks that keep them from it. */
const computed = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/**
 * Text from data as a cell of a CSV file. What a spreadsheet would take for a formula gets a `'` before it,
 * as one types it there. Not for numbers, which may be negative.
 */
export function spreadsheetText(text: string): string {
  return computed.test(text) ? `'${text}` : text;
}

/** The text that `spreadsheetText` made a cell of. */
export function fromSpreadsheetText(cell: string): string {
  return cell.startsWith("'") && computed.test(cell) ? cell.slice(1) : cell;
}
