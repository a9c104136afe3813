import { spreadsheetText } from "../options/index.js";

/** Lines of comma-separated values. Numbers are written as they are, and text so that nobody computes it. */
export function csvLines(lines: readonly (readonly (string | number | null | undefined)[])[]): string {
  return lines.map((line) => `${line.map(field).join(",")}\n`).join("");
}

/** Empty where there is no value. */
function field(value: string | number | null | undefined): string {
  const text = typeof value === "string" ? spreadsheetText(value) : String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
