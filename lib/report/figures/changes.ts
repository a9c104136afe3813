import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { parseWith, readJson } from "../parse.js";

const changeSchema = z.object({
  dataset: z.string(),
  rank: z.int().positive(),
  modules: z.array(
    z.object({
      name: z.string(),
      encoder: z.enum(["vision", "text"]),
      layer: z.int().nonnegative(),
      target: z.string(),
      importance: z.array(z.number()).optional(),
      deltaNorm: z.number(),
      weightNorm: z.number(),
      projectedNorms: z.array(z.number()),
    }),
  ),
});

/** How much a task changed every adapted matrix: `changes/task-0.json` of a run. */
export type Changes = z.infer<typeof changeSchema>;

/** @returns `undefined` where a run has not recorded them */
export function readChanges(directory: string, task: number): Changes | undefined {
  const path = join(directory, "changes", `task-${task}.json`);
  return existsSync(path) ? parseWith(changeSchema, readJson(path), path) : undefined;
}

/** How concentrated an update is: the share of `Σ ‖ΔW‖_F²` in the tenth of the matrices that change most. */
export function concentration({ modules }: Pick<Changes, "modules">): number {
  const squares = modules.map(({ deltaNorm }) => deltaNorm ** 2).toSorted((a, b) => b - a);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const total = sum(squares);
  return total === 0 ? 0 : sum(squares.slice(0, Math.ceil(squares.length / 10))) / total;
}
