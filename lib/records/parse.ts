import { readFileSync } from "node:fs";
import { z } from "zod";
import { decodeText } from "../options/index.js";

/** @throws if the file is not valid JSON, naming it */
export function readJson(path: string): unknown {
  return parseJson(decodeText(readFileSync(path), path), path);
}

/** @throws if the text is not valid JSON, naming its source */
export function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(
      `${source}: not valid JSON (${(error as Error).message}). The file is damaged: restore it, or run again.`,
    );
  }
}

/** @throws if the value is not as the schema says, naming its source, the field and what was expected */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown, source: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Error(
    `${source}: unexpected content:\n${z.prettifyError(result.error)}\n` +
      "Read it with the codyra version that wrote it, or run again.",
  );
}
