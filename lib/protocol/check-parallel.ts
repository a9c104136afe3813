import type { ContinualMethod } from "../methods/index.js";
import { UsageError } from "../options/index.js";
import * as torch from "../torch/index.js";

/** @throws UsageError for a method that one process alone can train, in a group of several */
export function checkParallel({ name, isParallel }: ContinualMethod): void {
  const count = torch.distributed.worldSize();
  if (count === 1 || isParallel) return;
  throw new UsageError(
    `Method ${name}: expected one process, got ${count}. Its draws and counts in a batch cannot be divided exactly; ` +
      "docs/clusters.md says which methods can. Start it without a launcher.",
  );
}
