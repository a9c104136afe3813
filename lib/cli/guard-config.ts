import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { limitsSchema } from "../guard/index.js";
import { entrySchema, readingShape } from "./dataset-config.js";
import { UsageError } from "./usage-error.js";

const guardSchema = z
  .strictObject({
    ...readingShape,
    protocol: z.enum(["x-tail", "mtil"]).default("x-tail"),
    datasets: z.array(entrySchema).default([]),
    holdOuts: z.array(entrySchema).default([]),
    /** A CSV or TSV file of images with captions. */
    retrieval: z.strictObject({ pairs: z.string() }).optional(),
    /** Folders or patterns of images in the index, and a text file with a query on each line. */
    index: z.strictObject({ images: z.array(z.string()).nonempty(), queries: z.string() }).optional(),
    limits: limitsSchema.default({}),
  })
  .refine(
    ({ datasets, holdOuts, retrieval, index }) => datasets.length + holdOuts.length > 0 || retrieval || index,
    {
      message: "expected datasets, holdOuts, retrieval or index: something to measure",
    },
  );

export type GuardConfig = z.infer<typeof guardSchema>;

/** @throws UsageError if the file is missing, no YAML, or does not fit */
export function readGuard(path: string): GuardConfig {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new UsageError(
      `--config ${path}: expected a YAML file, got ${(cause as NodeJS.ErrnoException).code}. Check the path.`,
      { cause },
    );
  }
  const parsed = guardSchema.safeParse(parse(text) ?? {});
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path: at, message }) => `  ${at.join(".") || "configuration"}: ${message}`,
  );
  throw new UsageError(`${path} does not fit:\n${problems.join("\n")}`);
}
