import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { limitsSchema } from "../guard/index.js";
import { readingShape, UsageError } from "../options/index.js";
import { entrySchema, resolveEntry } from "./dataset-config.js";

export const guardSchema = z
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

/** What `codyra check` measures, and the limits. The paths of datasets are absolute. */
export type GuardConfig = Omit<z.infer<typeof guardSchema>, keyof typeof readingShape>;

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
  if (parsed.success) {
    const { data, splitSource, promptSet, drawSplit, ...config } = parsed.data;
    const reading = { folder: dirname(resolve(path)), data, splitSource, promptSet, drawSplit };
    const located = (entries: typeof config.datasets) => entries.map((entry) => resolveEntry(entry, reading));
    return { ...config, datasets: located(config.datasets), holdOuts: located(config.holdOuts) };
  }
  const problems = parsed.error.issues.map(
    ({ path: at, message }) => `  ${at.join(".") || "configuration"}: ${message}`,
  );
  throw new UsageError(`${path} does not fit:\n${problems.join("\n")}`);
}
