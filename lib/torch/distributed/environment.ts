/** The launcher's description of all processes of the run. */
export interface ProcessEnvironment {
  /** Number of this process among all, and how many there are. */
  readonly rank: number;
  readonly worldSize: number;
  /** The same among the processes of this machine. */
  readonly localRank: number;
  readonly localWorldSize: number;
  /** Address of the store that processes meet at. */
  readonly host: string;
  readonly port: number;
  /** `torchrun`'s agent serves the store; else the process of rank 0 does. */
  readonly hasAgentStore: boolean;
  /** How often the launcher has started all processes again. */
  readonly attempt: number;
}

/** Variables of an environment, by name. */
export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads the launcher's variables: those of `torchrun`, `codyra launch` and Kubernetes' PyTorchJob (`RANK`,
 * `WORLD_SIZE`, `MASTER_ADDR`, `MASTER_PORT`), or of a step of `srun` (`SLURM_…`).
 * @returns `undefined` for a process by itself
 * @throws if the variables do not fit together
 */
export function environment(variables: Variables = process.env): ProcessEnvironment | undefined {
  const found = variables.WORLD_SIZE === undefined ? ofSlurm(variables) : ofLauncher(variables);
  if (found === undefined || found.worldSize === 1) return undefined;
  if (found.rank < found.worldSize) return found;
  throw new Error(
    `RANK=${found.rank}: expected a number below WORLD_SIZE=${found.worldSize}. ` +
      "Start the processes with codyra launch or torchrun, which set both.",
  );
}

function ofLauncher(variables: Variables): ProcessEnvironment {
  const worldSize = count(variables, "WORLD_SIZE", 1);
  return {
    rank: count(variables, "RANK"),
    worldSize,
    localRank: count(variables, "LOCAL_RANK", 0, 0),
    localWorldSize: count(variables, "LOCAL_WORLD_SIZE", 1, 1),
    host: worldSize === 1 ? "" : text(variables, "MASTER_ADDR"),
    port: worldSize === 1 ? 0 : count(variables, "MASTER_PORT", 1),
    hasAgentStore: variables.TORCHELASTIC_USE_AGENT_STORE === "True",
    attempt: count(variables, "TORCHELASTIC_RESTART_COUNT", 0, 0),
  };
}

/** A step has `SLURM_STEP_NUM_TASKS`; the script of a job, which runs once, has only those of the job. */
function ofSlurm(variables: Variables): ProcessEnvironment | undefined {
  if (variables.SLURM_STEP_NUM_TASKS === undefined) return undefined;
  const [, perNode] = /^(\d+)/.exec(variables.SLURM_STEP_TASKS_PER_NODE ?? "1") ?? [];
  return {
    rank: count(variables, "SLURM_PROCID"),
    worldSize: count(variables, "SLURM_STEP_NUM_TASKS", 1),
    localRank: count(variables, "SLURM_LOCALID", 0, 0),
    localWorldSize: Number(perNode ?? 1),
    host: variables.MASTER_ADDR ?? firstHost(text(variables, "SLURM_STEP_NODELIST")),
    // Jobs that share a machine get ports of their own.
    port: count(variables, "MASTER_PORT", 1, 20_000 + (count(variables, "SLURM_JOB_ID", 0, 0) % 20_000)),
    hasAgentStore: false,
    attempt: 0,
  };
}

/** The first node of a list such as `gpu[03-05,09],login1`. */
function firstHost(list: string): string {
  const [, name, number = "", rest = ""] = /^([^[,]+)(?:\[(\d+)[^\]]*\])?([^,]*)/.exec(list) ?? [];
  return `${name}${number}${rest}`;
}

function text(variables: Variables, name: string): string {
  const value = variables[name];
  if (value) return value;
  throw new Error(
    `${name} is not set: expected it beside WORLD_SIZE or SLURM_STEP_NUM_TASKS. ` +
      "Start the processes with codyra launch, torchrun or srun, or set it to the host of rank 0.",
  );
}

function count(variables: Variables, name: string, least = 0, missing?: number): number {
  const value = variables[name];
  if (value === undefined && missing !== undefined) return missing;
  const number = Number(value === "" ? Number.NaN : value);
  if (Number.isInteger(number) && number >= least) return number;
  throw new Error(
    `${name}=${value}: expected a whole number of ${least} or more. Start the processes with codyra launch, torchrun or srun.`,
  );
}
