import { expect, it } from "vitest";
import { torch } from "../../../lib/index.js";

const { gpuOf, threadsOf } = torch.distributed;

it.each([
  [4, {}, 4],
  [16, {}, 1],
  [32, {}, 1],
  [4, { OMP_NUM_THREADS: "1" }, 4], // as torchrun sets it where nobody has
  [4, { OMP_NUM_THREADS: "3" }, 3],
  [4, { SLURM_CPUS_PER_TASK: "8", OMP_NUM_THREADS: "3" }, 8],
])("%i processes on 16 cores with %j have %i threads each", (localWorldSize, variables, threads) => {
  expect(threadsOf({ localWorldSize }, variables, 16)).toBe(threads);
});

it("each process of a machine has another GPU, as far as there are", () => {
  expect([0, 1, 2].map((localRank) => gpuOf({ localRank }, 2))).toEqual([0, 1, 0]);
});
