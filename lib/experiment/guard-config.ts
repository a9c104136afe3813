import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { withHome } from "../data/index.js";
import { limitsSchema, unmeasuredLimits } from "../guard/index.js";
import { readingShape, readTextFile, UsageError } from "../options/index.js";
import { entrySchema, type Reading, resolveEntry } from "./dataset-config.js";
import { locateModel } from "./models.js";

export const guardSchema = z
  .strictObject({
    ...readingShape,
    protocol: z.enum(["x-tail", "mtil"]).default("x-tail"),
    datasets: z.array(entrySchema).default([]),
    holdOuts: z.array(entrySchema).default([]),
    /** A table of images with captions, or WebDataset shards: see `readPairs`. */
    retrieval: z.strictObject({ pairs: z.string() }).optional(),
    /** Folders or patterns of images in the index, and a text file with a query on each line. */
    index: z
      .strictObject({
        images: z.array(z.string(), "expected a list of folders or patterns of images").nonempty(),
        queries: z.string("expected a text file with a query on each line"),
      })
      .optional(),
    limits: limitsSchema.default({}),
    /** The model that a run is compared with after every task. Default: the one before the stream. */
    against: z.string().optional(),
  })
  .refine(
    ({ datasets, holdOuts, retrieval, index }) => datasets.length + holdOuts.length > 0 || retrieval || index,
    {
      message: "expected datasets, holdOuts, retrieval or index: something to measure",
    },
  );

/** A guard as it is written down. */
export type GivenGuard = z.infer<typeof guardSchema>;

/** Measures of a guard, and their limits. All paths are absolute. */
export type GuardConfig = Omit<GivenGuard, keyof typeof readingShape>;

/** @throws UsageError if the file is missing, no YAML, does not fit, or limits what it does not measure */
export function readGuard(path: string, source = "--config"): GuardConfig {
  const text = readTextFile(path, `${source} ${path}`);
  const parsed = guardSchema.safeParse(parse(text) ?? {});
  if (parsed.success) {
    return resolveGuard(parsed.data, { folder: dirname(resolve(path)) }, path);
  }
  const problems = parsed.error.issues.map(
    ({ path: at, message }) => `  ${at.join(".") || "configuration"}: ${message}`,
  );
  throw new UsageError(`${path} does not fit:\n${problems.join("\n")}`);
}

/**
 * A guard with its paths absolute.
 * @param reading the folder of relative paths, and how the paper's datasets are read unless the guard says it
 * @param source the file that it is written in, or its key there
 * @throws UsageError if it limits what it does not measure
 */
export function resolveGuard(
  { data, splitSource, promptSet, drawSplit, retrieval, index, against, ...guard }: GivenGuard,
  { folder, ...shared }: Reading & { readonly folder: string },
  source = "guard",
): GuardConfig {
  checkMeasured({ ...guard, retrieval, index }, source);
  const own = Object.entries({ data, splitSource, promptSet, drawSplit }).filter(
    ([, value]) => value !== undefined,
  );
  const reading = { ...shared, ...Object.fromEntries(own), folder };
  const absolute = (path: string) => resolve(folder, withHome(path));
  return {
    ...guard,
    datasets: guard.datasets.map((entry) => resolveEntry(entry, reading)),
    holdOuts: guard.holdOuts.map((entry) => resolveEntry(entry, reading)),
    ...(retrieval && { retrieval: { pairs: absolute(retrieval.pairs) } }),
    ...(index && {
      index: {
        images: index.images.map(absolute) as [string, ...string[]],
        queries: absolute(index.queries),
      },
    }),
    ...(against !== undefined && { against: locateModel(withHome(against), folder) }),
  };
}

/** Not part of the schema, which records of earlier runs have to fit, too. */
function checkMeasured(
  { limits, datasets, holdOuts, retrieval, index }: Omit<GuardConfig, "protocol" | "against">,
  source: string,
): void {
  const unmeasured = unmeasuredLimits(limits, {
    datasets: datasets.length > 0,
    holdOuts: holdOuts.length > 0,
    retrieval: retrieval !== undefined,
    index: index !== undefined,
  });
  if (unmeasured.length === 0) return;
  const lacking = unmeasured.map(([limit, section]) => `limits.${limit} (${section})`);
  throw new UsageError(
    `${source}: expected the data that each limit is measured on, got none for ${lacking.join(", ")}. ` +
      "Add the section in parentheses, or leave the limit out.",
  );
}
