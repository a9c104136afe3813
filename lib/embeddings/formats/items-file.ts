import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { stringify } from "csv-stringify/sync";
import { decodeText, fromSpreadsheetText, spreadsheetText } from "../../options/index.js";
import type { EmbeddedItem } from "../types.js";

/** The CSV beside a file that holds vectors alone: a line per vector, in order. */
export const itemsFileOf = (path: string): string => path.replace(/\.[^.]+$/, ".csv");

export function beginItemsFile(path: string): void {
  writeFileSync(path, stringify([["name", "label"]]));
}

export function appendItems(path: string, items: readonly EmbeddedItem[]): void {
  appendFileSync(path, stringify(items.map(({ name, label }) => [name, label].map(spreadsheetText))));
}

/** @throws if the file is missing or has another header */
export function readItems(path: string, count: number): EmbeddedItem[] {
  const rows = parse(decodeText(readFileSync(path), path), { columns: true }) as EmbeddedItem[];
  if (rows.length !== count || rows.some(({ name, label }) => name === undefined || label === undefined)) {
    throw new Error(
      `${path}: expected ${count} lines with name and label, as many as there are vectors, got ${rows.length}. ` +
        "Keep it as codyra embed wrote it.",
    );
  }
  return rows.map(({ name, label }) => ({
    name: fromSpreadsheetText(name),
    label: fromSpreadsheetText(label),
  }));
}
