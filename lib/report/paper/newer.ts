import { join } from "node:path";
import { z } from "zod";
import { packageRoot } from "../../files/index.js";
import { parseWith, readJson } from "../../records/index.js";

const schema = z.object({
  note: z.string(),
  sources: z.record(z.string(), z.object({ name: z.string(), paper: z.string(), via: z.string() })),
  tables: z.array(
    z.object({
      protocol: z.enum(["x-tail", "mtil"]),
      /** Images per class; `null` for all. */
      shots: z.int().nullable(),
      source: z.string(),
      /** Doubts about some of the numbers, in words. */
      doubt: z.string().optional(),
      rows: z.array(
        z.object({
          method: z.string(),
          /** Label of a method that arXiv:2412.01004 does not have. */
          label: z.string().optional(),
          /** Transfer, Average and Last in percent. */
          values: z.tuple([z.number().nullable(), z.number().nullable(), z.number().nullable()]),
        }),
      ),
    }),
  ),
});

/** Numbers of later papers for the streams of arXiv:2412.01004, with their sources. */
export type NewerTables = z.infer<typeof schema>;

const file = join(packageRoot, "assets", "paper", "newer-tables.json");

let tables: NewerTables | undefined;

/** The contents of `assets/paper/newer-tables.json`; read once. */
export function newerTables(): NewerTables {
  tables ??= parseWith(schema, readJson(file), file);
  return tables;
}
