import { availableParallelism } from "node:os";
import type { ProcessEnvironment, Variables } from "./environment.js";

/**
 * Threads of an operator in one of several processes on a machine: what Slurm or `OMP_NUM_THREADS` says, else
 * the cores divided by the processes. `torchrun` sets `OMP_NUM_THREADS=1` where nobody has, so that 1 says
 * nothing.
 */
export function threadsOf(
  { localWorldSize }: Pick<ProcessEnvironment, "localWorldSize">,
  variables: Variables = process.env,
  cores = availableParallelism(),
): number {
  const given = [variables.SLURM_CPUS_PER_TASK, variables.OMP_NUM_THREADS].map(Number);
  const wanted = given.find((count) => Number.isInteger(count) && count > 1);
  return wanted ?? Math.max(1, Math.floor(cores / localWorldSize));
}

/** The GPU of one of several processes on a machine: another one for each. @param gpus on the machine */
export function gpuOf({ localRank }: Pick<ProcessEnvironment, "localRank">, gpus: number): number {
  return localRank % gpus; // Slurm may show each process its own GPU only
}
