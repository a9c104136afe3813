import { expect, it } from "vitest";
import { torch } from "../../../lib/index.js";

const { environment } = torch.distributed;
const launcher = { RANK: "1", WORLD_SIZE: "2", MASTER_ADDR: "a", MASTER_PORT: "29500" };

it("reads what torchrun sets", () => {
  const variables = {
    ...launcher,
    LOCAL_RANK: "1",
    LOCAL_WORLD_SIZE: "2",
    TORCHELASTIC_USE_AGENT_STORE: "True",
    TORCHELASTIC_RESTART_COUNT: "3",
  };
  expect(environment(variables)).toEqual({
    rank: 1,
    worldSize: 2,
    localRank: 1,
    localWorldSize: 2,
    host: "a",
    port: 29500,
    hasAgentStore: true,
    attempt: 3,
  });
});

it("takes the four variables of Kubernetes' PyTorchJob", () => {
  expect(environment(launcher)).toMatchObject({ localRank: 0, localWorldSize: 1, hasAgentStore: false });
});

it.each([
  ["gpu[03-05,09],login1", "gpu03"],
  ["node7", "node7"],
  ["a-b[1,3]-ib", "a-b1-ib"],
])("of a step of srun on %s, rank 0 is on %s", (SLURM_STEP_NODELIST, host) => {
  const variables = {
    SLURM_PROCID: "5",
    SLURM_LOCALID: "1",
    SLURM_STEP_NUM_TASKS: "8",
    SLURM_STEP_TASKS_PER_NODE: "4(x2)",
    SLURM_STEP_NODELIST,
    SLURM_JOB_ID: "40001",
  };
  expect(environment(variables)).toMatchObject({
    rank: 5,
    localRank: 1,
    localWorldSize: 4,
    host,
    port: 20001,
  });
});

it("is a process by itself in the script of a Slurm job, and with one process", () => {
  expect(environment({ SLURM_PROCID: "0", SLURM_NTASKS: "8" })).toBeUndefined();
  expect(environment({ RANK: "0", WORLD_SIZE: "1" })).toBeUndefined();
  expect(environment({})).toBeUndefined();
});

it.each([
  [{ ...launcher, RANK: "2" }, /RANK=2: expected a number below WORLD_SIZE=2/],
  [{ ...launcher, RANK: undefined }, /RANK=undefined: expected a whole number of 0 or more/],
  [{ ...launcher, MASTER_PORT: "x" }, /MASTER_PORT=x: expected a whole number of 1 or more/],
  [{ ...launcher, MASTER_ADDR: "" }, /MASTER_ADDR is not set: expected it beside WORLD_SIZE/],
])("refuses %j", (variables, message) => {
  expect(() => environment(variables)).toThrow(message);
});
