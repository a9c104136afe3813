import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeJsonAtomically } from "../files/index.js";
import { parseWith, readJson } from "./parse.js";
import { formatVersion, versionSchema } from "./version.js";

const count = z.int().nonnegative();

const ranksSchema = z
  .object({
    ...versionSchema,
    rank: z.int().positive(),
    modules: z.array(
      z.object({ name: z.string(), encoder: z.enum(["vision", "text"]), layer: count, target: z.string() }),
    ),
    tasks: z.array(z.object({ dataset: z.string(), active: z.array(count) })),
  })
  .superRefine(({ rank, modules, tasks }, context) => {
    tasks.forEach(({ active }, t) => {
      const path = ["tasks", t, "active"];
      if (active.length !== modules.length) {
        context.addIssue({
          code: "custom",
          path,
          message: `expected ${modules.length} counts, one per module, got ${active.length}`,
        });
      }
      const tooMany = active.find((n) => n > rank);
      if (tooMany !== undefined) {
        context.addIssue({
          code: "custom",
          path,
          message: `expected at most ${rank} active ranks, got ${tooMany}`,
        });
      }
    });
  });

/** Number of ranks with a non-zero importance weight per adapted module after each task: `ranks.json`. */
export type RankHistory = z.infer<typeof ranksSchema>;

/** The counts that one task adds. */
export interface TaskRanks {
  readonly dataset: string;
  /** Rank of the adapters before pruning. */
  readonly rank: number;
  readonly modules: readonly Readonly<RankHistory["modules"][number]>[];
  readonly active: readonly number[];
}

/** @returns `undefined` where a run has no low-rank adapters @throws if the file is damaged */
export function readRanks(directory: string): RankHistory | undefined {
  const path = join(directory, "ranks.json");
  return existsSync(path) ? parseWith(ranksSchema, readJson(path), path) : undefined;
}

/** Adds the ranks of a task, replacing what an interrupted attempt at it left. */
export function recordRanks(
  directory: string,
  task: number,
  { dataset, rank, modules, active }: TaskRanks,
): void {
  const before = readRanks(directory)?.tasks ?? [];
  const described = modules.map(({ name, encoder, layer, target }) => ({ name, encoder, layer, target }));
  const record: RankHistory = {
    formatVersion,
    rank,
    modules: described,
    tasks: [...before.slice(0, task), { dataset, active: [...active] }],
  };
  writeJsonAtomically(join(directory, "ranks.json"), record);
}
