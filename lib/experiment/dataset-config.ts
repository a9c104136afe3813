import { resolve } from "node:path";
import { z } from "zod";
import {
  type Dataset,
  datasetIds,
  openDataset,
  openSource,
  resolveSource,
  sourceSchema,
  streamNames,
  streams,
  withHome,
} from "../data/index.js";
import { readingShape } from "../options/index.js";
import { faultsOf } from "./union-faults.js";

export type Reading = z.infer<z.ZodObject<typeof readingShape>>;

const id = z.enum(datasetIds);
const paperSchema = z.strictObject({ dataset: id.describe("a dataset of the paper"), ...readingShape });

/**
 * One dataset of a stream: the name of a dataset of the paper, the same with settings, or images of one's
 * own.
 */
export const entrySchema = z
  .union([z.string(), paperSchema, sourceSchema], { error: explain })
  .transform((entry, context) => {
    if (typeof entry !== "string") return entry;
    const known = id.safeParse(entry);
    if (known.success) return { dataset: known.data };
    context.addIssue(
      `expected a dataset of the paper (${datasetIds.join(", ")}) or a map that describes one of your own, got ${entry}`,
    );
    return z.NEVER;
  });

type Entry = z.infer<typeof entrySchema>;

/** The datasets to learn: all of a benchmark, or a list. */
export const streamSchema = z.union(
  [
    z.enum(streamNames).transform((name) => streams[name].map((dataset): Entry => ({ dataset }))),
    z.array(entrySchema).nonempty(),
  ],
  { error: explainStream },
);

/** The faults of a list; for anything else, the names there are. */
function explainStream(issue: z.core.$ZodRawIssue): string {
  const { input } = issue;
  if (Array.isArray(input) && input.length > 0) return faultsOf(issue, 1);
  const given = input === undefined ? "nothing" : JSON.stringify(input);
  return `expected ${streamNames.join(", ")}, or a list of datasets, got ${given}`;
}

function explain(issue: z.core.$ZodRawIssue): string {
  const { input } = issue;
  const isPaper = typeof input === "object" && input !== null && Object.hasOwn(input, "dataset");
  return faultsOf(issue, isPaper ? 1 : 2);
}

/** The entry with its paths absolute, and the settings that are made for all. */
export function resolveEntry(entry: Entry, { folder, ...shared }: Reading & { folder: string }): Entry {
  if (!("dataset" in entry)) return resolveSource(entry, folder);
  const own = Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined));
  const merged = { ...shared, ...own } as typeof entry;
  const { data } = merged;
  return data === undefined ? merged : { ...merged, data: resolve(folder, withHome(data)) };
}

export function nameOf(entry: Entry): string {
  return "dataset" in entry ? entry.dataset : entry.name;
}

/**
 * Describes the images of an entry; none is read yet.
 * @throws if they are not there, or it is not said where the paper's datasets are
 */
export async function openEntry(entry: Entry): Promise<Dataset & { readonly warnings?: readonly string[] }> {
  if (!("dataset" in entry)) return openSource(entry);
  const { dataset, data, splitSource, promptSet, drawSplit } = entry;
  if (data === undefined) {
    throw new Error(
      `Dataset ${dataset}: expected the folder that holds the paper's datasets, got none. Name it as 'data' in the configuration.`,
    );
  }
  return openDataset(dataset, {
    root: data,
    splitSource,
    promptSet,
    drawSplit: drawSplit === undefined ? undefined : { seed: drawSplit },
  });
}
