import { z } from "zod";

/**
 * The version of the files of a run. `run.json` says it for all; `ranks.json` and `changes/` say it too. The
 * other files have no room for it. A matrix is also written by hand, `samples.json` is a map of datasets, and
 * events are one object a line.
 */
export const formatVersion = 1;

/** Absent in the files of runs that were recorded before these files had a version. */
export const versionSchema = { formatVersion: z.literal(formatVersion).optional() } as const;
