import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { z } from "zod";
import { processExists } from "./process-exists.js";

const ownerSchema = z.object({
  host: z.string(),
  pid: z.int(),
  id: z.string(),
  /** When the lock was taken, ISO 8601. */
  since: z.string().optional(),
  /** Tells apart machines of one name, and numbers of processes in containers. */
  machine: z.string().optional(),
  /** When the process started, so that a later one with its number is not taken for it. */
  started: z.string().optional(),
});

/** Reads which process has the lock from its file; nothing if the file was cut off. */
export type LockOwner = Partial<z.infer<typeof ownerSchema>>;

/** The content of a lock file of this process. */
export function describeOwner(id: string): string {
  const { pid } = process;
  const owner: LockOwner = {
    host: hostname(),
    pid,
    id,
    since: new Date().toISOString(),
    machine: machine(),
    started: processState(pid)?.started,
  };
  return JSON.stringify(owner);
}

export function parseOwner(text: string): LockOwner {
  try {
    return ownerSchema.safeParse(JSON.parse(text)).data ?? {};
  } catch {
    return {};
  }
}

/**
 * Tells whether the process that has a lock lives; `unknown` for a process of another machine.
 * @param held ids of the locks that this process has
 */
export function livelinessOf(text: string, held: ReadonlySet<string>): "alive" | "dead" | "unknown" {
  const { host, pid, id, machine: itsMachine, started } = parseOwner(text);
  if (pid === undefined || id === undefined || host !== hostname()) return "unknown";
  if (itsMachine !== undefined && itsMachine !== machine()) return "unknown";
  if (pid === process.pid) return held.has(id) ? "alive" : "dead";
  if (!processExists(pid)) return "dead";
  const state = processState(pid);
  if (state?.isZombie) return "dead";
  return started !== undefined && state !== undefined && state.started !== started ? "dead" : "alive";
}

/** The system's start and its space of process numbers, where Linux tells them. */
function machine(): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return undefined;
  }
}

/** State and start time of a process, man 5 proc_pid_stat; `undefined` if the system has no /proc. */
function processState(pid: number): { readonly isZombie: boolean; readonly started: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // after the name, which may hold anything
    return { isZombie: fields[0] === "Z" || fields[0] === "X", started: fields[19] as string };
  } catch {
    return undefined;
  }
}
