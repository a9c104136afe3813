import { join } from "node:path";
import { z } from "zod";
import { packageRoot } from "../../files/index.js";
import { parseWith, readJson } from "../../records/index.js";

const row = z.array(
  z
    .number()
    .nullable()
    .transform((value) => value ?? undefined),
);
const rows = z.record(z.string(), row);

const streamSchema = z.object({
  shots: z.int(),
  /** Printed numbers that contradict others of the table, in words. */
  doubts: z.array(z.string()),
  datasets: z.array(z.string()),
  zeroShot: row,
  transfer: rows,
  average: rows,
  last: rows,
});

const schema = z.object({
  source: z.string(),
  /** Labels of rows without runs, and of runs that earlier versions recorded. */
  labels: z.record(z.string(), z.string()),
  "x-tail": streamSchema,
  mtil: streamSchema,
  holdOuts: z.object({ datasets: z.array(z.string()), transfer: rows }),
  costs: z.record(z.string(), z.object({ trainable: z.number().nullable(), inference: z.number() })),
  overall: rows,
});

/**
 * Tables 1 to 5 of arXiv:2412.01004 as printed, mistakes included. Accuracies are in percent by method, a
 * value for each dataset and their mean. Parameters are in millions. `codyra-routed` is the variant with a
 * dagger.
 */
export type PrintedTables = z.infer<typeof schema>;
export type PrintedStream = z.infer<typeof streamSchema>;

const file = join(packageRoot, "assets", "paper", "tables.json");

let tables: PrintedTables | undefined;

/** The contents of `assets/paper/tables.json`; read once. */
export function printedTables(): PrintedTables {
  tables ??= parseWith(schema, readJson(file), file);
  return tables;
}

/** The setting of the paper's Table 4. */
export const printedCostSetting = { model: "vit-b-16", classes: 1100, tasks: 10, shots: 16 };

/** Parameters by method in Table 4, for CLIP ViT-B/16, 1,100 classes and 16 shots. */
export function printedCosts(): Record<string, { trainable?: number; inference: number }> {
  const parameters = (millions: number) => Math.round(1e6 * millions); // 13.35e6 is no sum of powers of two
  const costs = Object.entries(printedTables().costs).map(([method, { trainable, inference }]) => [
    method,
    { ...(trainable !== null && { trainable: parameters(trainable) }), inference: parameters(inference) },
  ]);
  return Object.fromEntries(costs);
}
