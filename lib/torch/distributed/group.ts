import { hostname } from "node:os";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { checkOptions } from "../../options/index.js";
import { bridge } from "../bridge.js";
import { checkCudaBackends, cudaBackend } from "./cuda-backend.js";
import { environment, type ProcessEnvironment } from "./environment.js";
import type { Member } from "./member.js";
import { Store } from "./store.js";
import { awaitDone, beatKey, hearsFirst, leaveWords, whoEnded } from "./who-ended.js";

/** How a process joins the others. */
export interface InitOptions {
  /** Default: what the launcher said in the environment variables. */
  readonly environment?: ProcessEnvironment;
  /** How long processes wait for each other at the start. Default: 5 minutes. */
  readonly rendezvousTimeoutMs?: number;
  /** How long a collective waits for a process that is alive. Default: 2 hours. */
  readonly timeoutMs?: number;
  /** Ends the wait for other processes. */
  readonly signal?: AbortSignal;
  /** Called once, after some seconds in which processes were missing. */
  readonly onWait?: (missing: readonly number[], place: string) => void;
}

/** c10d's operators know the group by it. */
export const groupName = "codyra";

interface Group {
  readonly place: ProcessEnvironment;
  readonly members: readonly Member[];
  readonly store: Store;
  readonly native: unknown;
  readonly stopHeartbeat: () => void;
}

let joined: Group | undefined;

/** Whether this process takes part in a group. */
export function isInitialized(): boolean {
  return joined !== undefined;
}

/** Number of this process; 0 for a process by itself. */
export function rank(): number {
  return joined?.place.rank ?? 0;
}

/** How many processes compute together; 1 for a process by itself. */
export function worldSize(): number {
  return joined?.members.length ?? 1;
}

/** The place of this process among those of the run; `undefined` for a process by itself. */
export function place(): ProcessEnvironment | undefined {
  return joined?.place;
}

/** Host and process id of every rank. */
export function members(): readonly Member[] {
  return joined?.members ?? [{ host: hostname(), pid: process.pid, cudaBackend: "gloo" }];
}

/** How many collectives this process has issued. */
export function collectivesIssued(): number {
  return joined === undefined ? 0 : bridge().collectivesIssued(joined.native);
}

/** How many collectives of this process nobody has waited for yet. */
export function collectivesInFlight(): number {
  return joined === undefined ? 0 : bridge().collectivesInFlight();
}

/**
 * Joins the processes that the launcher started, over c10d and Gloo: `codyra launch`, `torchrun` or `srun`.
 * Without a launcher it does nothing, and this process is by itself.
 * @throws if processes are missing at the end of the time, naming them; if the signal is aborted
 */
export async function init(options: InitOptions = {}): Promise<void> {
  checkOptions(
    options,
    { environment: true, rendezvousTimeoutMs: true, timeoutMs: true, signal: true, onWait: true },
    "distributed.init",
  );
  const { rendezvousTimeoutMs = 300_000, timeoutMs = 7_200_000, signal } = options;
  const place = options.environment ?? environment();
  if (place === undefined) return;
  if (joined !== undefined) {
    throw new Error("distributed.init: expected one group, got a second. Call distributed.close() before.");
  }
  // c10d logs a closed connection with its C++ stack; the errors of this folder say which rank ended, and
  // why.
  process.env.TORCH_CPP_LOG_LEVEL ??= "ERROR";
  const { rank, worldSize } = place;
  const deadline = performance.now() + rendezvousTimeoutMs;
  const store = await Store.open(place, deadline, signal);
  try {
    const own: Member = { host: hostname(), pid: process.pid, cudaBackend: cudaBackend() };
    await joining(place, () => store.set(memberKey(rank), JSON.stringify(own)));
    const members = await meet(store, place, deadline, options);
    checkCudaBackends(members);
    const native = await joining(place, () =>
      bridge().createGroup(store.native, groupName, rank, worldSize, timeoutMs, own.cudaBackend === "nccl"),
    );
    const stopHeartbeat = store.startHeartbeat(beatKey(rank));
    joined = { place, members, store, native, stopHeartbeat };
  } catch (error) {
    store.close();
    await nextTurn(); // a signal that ended another rank has come to this one as well
    signal?.throwIfAborted();
    throw error;
  }
}

/** @throws in a sentence, without c10d's stack, if another process ends while all join */
async function joining<T>(place: ProcessEnvironment, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    const { rank, worldSize, host, port } = place;
    const [reason] = (cause as Error).message.split("\n");
    throw new Error(
      `Rank ${rank} could not join the others at ${host}:${port}: expected ${worldSize} processes until all have met. ` +
        `See the output of the others, and start all again. (${reason})`,
      { cause },
    );
  }
}

/**
 * Leaves the group without waiting for the others: their collectives fail from now on, and tell why.
 * @param reason the end of this process: an error of its own or a wish to stop
 * @returns whether the first process ends for the same reason, which it tells
 */
export function leave(reason: Error): boolean {
  if (joined === undefined) return false;
  const { store, place, members, native } = joined;
  const words = {
    kind: reason.name === "AbortError" ? "stopped" : "failed",
    message: reason.message,
  } as const;
  leaveWords(store, place.rank, words);
  bridge().closeGroup(native);
  if (servesStore(place)) awaitDone(store, others(members, place.rank));
  const isTold = place.rank > 0 && hearsFirst(store) === reason.message;
  leaveWords(store, place.rank, { ...words, isDone: true });
  end();
  return isTold;
}

/**
 * Turns the failure of a collective into an error that names who ended it. The group is left.
 * @throws always; `AbortError` where another rank was asked to stop
 */
export function failCollective(cause: unknown): never {
  if (joined === undefined) throw cause;
  const { store, place, members, native } = joined;
  bridge().closeGroup(native); // whoever waits for this process notices at once
  const { message, isStop, lost } = whoEnded(store, place.rank, members, `${place.host}:${place.port}`);
  const alive = others(members, place.rank).filter((rank) => !lost.includes(rank));
  if (servesStore(place)) awaitDone(store, alive);
  end();
  if (isStop) throw new DOMException(message, "AbortError");
  throw new Error(
    `${message.replace(/\.$/, "")}: expected ${members.length} processes to the end. This one (rank ${place.rank}) ends too; see the output of the other.`,
    { cause },
  );
}

/** Leaves the group, whatever is in flight. */
export function end(): void {
  if (joined === undefined) return;
  const { store, native, stopHeartbeat } = joined;
  joined = undefined;
  stopHeartbeat();
  bridge().closeGroup(native);
  store.close();
}

/** Waits until every rank is there. */
async function meet(
  store: Store,
  place: ProcessEnvironment,
  deadline: number,
  { signal, onWait }: InitOptions,
): Promise<Member[]> {
  const { worldSize, host, port } = place;
  const began = performance.now();
  let isTold = false;
  for (;;) {
    signal?.throwIfAborted();
    const found = await joining(place, () =>
      Array.from({ length: worldSize }, (_, rank) => store.get(memberKey(rank))),
    );
    const missing = found.flatMap((member, rank) => (member === undefined ? [rank] : []));
    if (missing.length === 0) return found.map((member) => JSON.parse(member as string) as Member);
    if (performance.now() > deadline) {
      throw new Error(
        `Ranks ${missing.join(", ")} of ${worldSize} did not come to ${host}:${port}: expected all processes within ` +
          `${Math.round((deadline - began) / 1000)} s. See their output, and start all of them with one WORLD_SIZE.`,
      );
    }
    if (!isTold && performance.now() - began > 5000) {
      isTold = true;
      onWait?.(missing, `${host}:${port}`);
    }
    await sleep(50);
  }
}

function others(members: readonly Member[], own: number): number[] {
  return members.flatMap((_, rank) => (rank === own ? [] : [rank]));
}

function memberKey(rank: number): string {
  return `member/${rank}`;
}

function servesStore({ rank, hasAgentStore }: ProcessEnvironment): boolean {
  return rank === 0 && !hasAgentStore;
}
