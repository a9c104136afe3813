import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeJsonAtomically } from "../files/index.js";
import { parseWith, readJson } from "./parse.js";
import { formatVersion, versionSchema } from "./version.js";

const changeSchema = z.object({
  ...versionSchema,
  dataset: z.string(),
  /** Rank of the adapters before pruning. */
  rank: z.int().positive(),
  modules: z
    .array(
      z.object({
        name: z.string(),
        encoder: z.enum(["vision", "text"]),
        layer: z.int().nonnegative(),
        target: z.string(),
        /**
         * Importance weights w after training, of all ranks; absent where only the surviving ones are known.
         */
        importance: z.array(z.number()).readonly().optional(),
        deltaNorm: z.number(),
        weightNorm: z.number(),
        projectedNorms: z.array(z.number()).readonly(),
      }),
    )
    .readonly(),
});

/** How much a task changed every adapted matrix: `changes/task-0.json`, one file per task. */
export type Changes = z.infer<typeof changeSchema>;

/** @returns `undefined` where a run has not recorded them @throws if the file is damaged */
export function readChanges(directory: string, task: number): Changes | undefined {
  const path = fileOf(directory, task);
  return existsSync(path) ? parseWith(changeSchema, readJson(path), path) : undefined;
}

export function recordChanges(directory: string, task: number, changes: Changes): void {
  writeJsonAtomically(fileOf(directory, task), { formatVersion, ...changes });
}

function fileOf(directory: string, task: number): string {
  return join(directory, "changes", `task-${task}.json`);
}
