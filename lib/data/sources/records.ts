import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { type CsvError, parse } from "csv-parse/sync";
import { decodeText } from "../../options/index.js";

/** A row of a CSV file, a line of a JSONL file or an object in a JSON array. */
export interface FileRecord {
  /** Counted from 1; of a row with line breaks in quotes, its last. */
  readonly line: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * Reads the records of a `.csv`, `.tsv`, `.jsonl` or `.json` file in UTF-8 or UTF-16. Blank lines are passed
 * over. A table's separator is taken from its header, because spreadsheets write semicolons in many
 * countries.
 * @throws if the file is missing, of another kind or encoding, or a record is broken, naming its line
 */
export async function readRecords(file: string): Promise<FileRecord[]> {
  const read = readers[extname(file).toLowerCase()];
  if (read === undefined) {
    const kinds = Object.keys(readers).join(", ");
    const advice = /\.(xlsx?|ods|numbers)$/i.test(file)
      ? "Export the sheet as CSV."
      : "Convert or rename it.";
    throw new Error(`${file}: expected one of ${kinds}, got another extension. ${advice}`);
  }
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new Error(`${file}: expected a file, got ${cause.code}. Check the path.`, { cause });
  });
  return read(file, decodeText(bytes, file));
}

const readers: Record<string, (file: string, text: string) => FileRecord[]> = {
  ".csv": (file, text) => readTable(file, text, [",", ";", "\t", "|"]),
  ".tsv": (file, text) => readTable(file, text, ["\t", ",", ";", "|"]),
  ".jsonl": readLines,
  ".ndjson": readLines,
  ".json": (file, text) => (text.trimStart().startsWith("[") ? readArray(file, text) : readLines(file, text)),
};

function readTable(file: string, text: string, delimiters: readonly string[]): FileRecord[] {
  // Excel writes and reads a first line that names the separator.
  const [line = "", separator] = /^sep=(.)(?:\r\n|\r|\n)/i.exec(text) ?? [];
  const table = text.slice(line.length);
  const linesBefore = line === "" ? 0 : 1;
  try {
    const rows: unknown[] = parse(table, {
      columns: uniqueColumns,
      delimiter: separator ?? delimiterOf(table, delimiters),
      info: true,
      relax_quotes: true, // 5" pot
      skip_empty_lines: true,
      trim: true,
    });
    // The declarations take no notice of the option `info`.
    return (rows as { info: { lines: number }; record: Record<string, string> }[]).map(
      ({ info, record }) => ({ line: info.lines + linesBefore, fields: record }),
    );
  } catch (cause) {
    const { lines = 1, message } = cause as CsvError & { lines?: number };
    throw new Error(
      `${file}:${lines + linesBefore}: expected rows that fit the header: ${message}. Correct it.`,
      { cause },
    );
  }
}

/** The separator that the header has most of outside of quotes; of as many the first. */
function delimiterOf(text: string, delimiters: readonly string[]): string {
  const header = (/^[^\r\n]*/.exec(text.trimStart())?.[0] ?? "").replaceAll(/"[^"]*"/g, "");
  const counts = delimiters.map((delimiter) => header.split(delimiter).length);
  return delimiters[counts.indexOf(Math.max(...counts))] as string;
}

function uniqueColumns(header: string[]): string[] {
  const double = header.find((name, index) => header.indexOf(name) !== index);
  if (double !== undefined) throw new Error(`two columns are called "${double}"`);
  return header;
}

function readLines(file: string, text: string): FileRecord[] {
  return text.split("\n").flatMap((content, index) => {
    if (content.trim() === "") return [];
    const line = index + 1;
    try {
      const fields: unknown = JSON.parse(content);
      if (isObject(fields)) return [{ line, fields }];
    } catch (cause) {
      const { message } = cause as Error;
      throw new Error(`${file}:${line}: expected a JSON object: ${message}. Correct it.`, { cause });
    }
    throw new Error(
      `${file}:${line}: expected a JSON object, got ${content.slice(0, 40)}. Write one per line.`,
    );
  });
}

/** An array of objects, as pandas writes it with `orient="records"`. The line of one is its place in it. */
function readArray(file: string, text: string): FileRecord[] {
  let content: unknown[];
  try {
    content = JSON.parse(text) as unknown[];
  } catch (cause) {
    throw new Error(`${file}: expected JSON: ${(cause as Error).message}. Correct it.`, { cause });
  }
  return content.map((fields, index) => {
    if (isObject(fields)) return { line: index + 1, fields };
    throw new Error(
      `${file}:${index + 1}: expected a JSON object, got ${JSON.stringify(fields).slice(0, 40)}. Write one per image.`,
    );
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
