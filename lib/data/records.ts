import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { type CsvError, parse } from "csv-parse/sync";

/** A row of a CSV file or a line of a JSONL file. */
export interface FileRecord {
  /** Counted from 1; of a row with line breaks in quotes, its last. */
  readonly line: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * Reads the records of a `.csv`, `.tsv` or `.jsonl` file in UTF-8. Blank lines are passed over.
 * @throws if the file is missing, of another kind or not UTF-8, or a record is broken, naming its line
 */
export async function readRecords(file: string): Promise<FileRecord[]> {
  const read = readers[extname(file).toLowerCase()];
  if (read === undefined) {
    const kinds = Object.keys(readers).join(", ");
    throw new Error(`${file}: expected one of ${kinds}, got another extension. Convert or rename it.`);
  }
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new Error(`${file}: expected a file, got ${cause.code}. Check the path.`, { cause });
  });
  return read(file, decodeText(file, bytes));
}

const readers: Record<string, (file: string, text: string) => FileRecord[]> = {
  ".csv": (file, text) => readTable(file, text, ","),
  ".tsv": (file, text) => readTable(file, text, "\t"),
  ".jsonl": readLines,
  ".ndjson": readLines,
};

/** Without a byte order mark. */
function decodeText(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Error(`${file}: expected text in UTF-8, got other bytes. Save it as UTF-8.`, { cause });
  }
}

function readTable(file: string, text: string, delimiter: string): FileRecord[] {
  try {
    const rows = parse(text, {
      columns: uniqueColumns,
      delimiter,
      info: true,
      skip_empty_lines: true,
      trim: true,
    });
    return (rows as unknown as { info: { lines: number }; record: Record<string, string> }[]).map(
      ({ info, record }) => ({ line: info.lines, fields: record }),
    );
  } catch (cause) {
    const { lines = 1, message } = cause as CsvError & { lines?: number };
    throw new Error(`${file}:${lines}: expected rows that fit the header: ${message}. Correct it.`, {
      cause,
    });
  }
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
      if (typeof fields === "object" && fields !== null && !Array.isArray(fields)) {
        return [{ line, fields: fields as Record<string, unknown> }];
      }
    } catch (cause) {
      const { message } = cause as Error;
      throw new Error(`${file}:${line}: expected a JSON object: ${message}. Correct it.`, { cause });
    }
    throw new Error(
      `${file}:${line}: expected a JSON object, got ${content.slice(0, 40)}. Write one per line.`,
    );
  });
}
